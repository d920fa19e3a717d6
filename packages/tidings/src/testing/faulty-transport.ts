import type { Runtime } from '../kernel/runtime.ts'
import type { Delivery, Sink, Transport } from '../transport/transport.ts'
import type { FaultKind, FaultPlace, FaultPlan } from './fault-plan.ts'

const ofDeliveries: ReadonlySet<FaultKind> = new Set(['repeat', 'reorder'])
/** Who owns all partitions may rely on the order over them. */
const ofExclusive: ReadonlySet<FaultKind> = new Set(['repeat'])
const delivering: ReadonlySet<FaultPlace> = new Set(['deliver'])

/**
 * A transport that delivers some things twice, and mixes the deliveries of different partitions anew. Inside one partition the order stays, as
 * the port promises; a repeated delivery comes right after itself, or later among those that follow.
 */
export function faultyTransport(transport: Transport, runtime: Runtime, plan: FaultPlan): Transport {
  return {
    capabilities: transport.capabilities,
    publish: (batch, signal) => transport.publish(batch, signal),
    async subscribe(options, sink) {
      const last = new Map<number, Delivery>()
      const kinds = options.exclusive === true ? ofExclusive : ofDeliveries
      const consumer = await transport.subscribe(options, faultySink(sink, runtime, plan, kinds, last))
      return {
        request: (count) => consumer.request(count),
        done: (partition, offset) => consumer.done(partition, offset),
        settle: (delivery, how) => consumer.settle(delivery, how),
        seek(partition, offset) {
          // What comes again comes in its order.
          last.delete(partition)
          consumer.seek(partition, offset)
        },
        close: () => consumer.close(),
      }
    },
    close: () => transport.close(),
  }
}

function faultySink(
  sink: Sink,
  runtime: Runtime,
  plan: FaultPlan,
  kinds: ReadonlySet<FaultKind>,
  last: Map<number, Delivery>,
): Sink {
  return {
    assigned(partitions) {
      for (const partition of partitions) last.delete(partition)
      return sink.assigned(partitions)
    },
    revoked: (partitions) => sink.revoked(partitions),
    lost: (partitions) => sink.lost(partitions),
    deliver(deliveries) {
      const { what } = plan.strike(runtime, kinds, delivering)
      if (what === 'reorder') sink.deliver(shuffled(deliveries, runtime))
      else if (what === 'repeat') sink.deliver(repeated(deliveries, last, runtime))
      else sink.deliver(deliveries)
      for (const delivery of deliveries) last.set(delivery.partition, delivery)
    },
    scanned: (partition, offset) => sink.scanned(partition, offset),
    ended: (cause) => sink.ended(cause),
  }
}

/** Partitions one after another in a random order, each in its own. */
function shuffled(deliveries: readonly Delivery[], runtime: Runtime): Delivery[] {
  const queues = [...Map.groupBy(deliveries, ({ partition }) => partition).values()].map((queue) => queue.toReversed())
  const mixed: Delivery[] = []
  while (queues.length > 0) {
    const at = Math.floor(runtime.random() * queues.length)
    const queue = queues[at] as Delivery[]
    mixed.push(queue.pop() as Delivery)
    if (queue.length === 0) queues.splice(at, 1)
  }
  return mixed
}

function repeated(deliveries: readonly Delivery[], last: ReadonlyMap<number, Delivery>, runtime: Runtime): Delivery[] {
  const again: Delivery[] = []
  for (const delivery of deliveries) {
    const before = last.get(delivery.partition)
    if (before !== undefined && runtime.random() < 0.3) again.push(before)
    again.push(delivery)
    if (runtime.random() < 0.5) again.push(delivery)
  }
  return again
}
