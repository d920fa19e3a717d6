import {
  type Consumer,
  memoryStore,
  type Sink,
  type SubscribeOptions,
  type Transport,
  virtualRuntime,
} from 'tidings/spi'

import { logBackend, sharedByPlace } from '../../transport/log-backend.ts'
import type { TransportBackend } from '../../transport/transport-world.ts'
import type { BrokenTransport } from '../broken-backend.ts'

/** What may be replaced of a transport; everything else works as it should. */
export interface Bend {
  readonly transport?: (good: Transport) => Partial<Transport>
  /** Between the transport and its caller's sink. */
  readonly sink?: (sink: Sink, options: SubscribeOptions) => Partial<Sink>
  readonly consumer?: (consumer: Consumer, sink: Sink) => Partial<Consumer>
  readonly subscribe?: (options: SubscribeOptions) => SubscribeOptions
}

/** The log transport over memory, which is honest, under a virtual clock. */
export function honestLog(name: string, partitions: number = 8): TransportBackend {
  const store = sharedByPlace(() => memoryStore({ partitions }))
  return logBackend({ name, runtime: virtualRuntime(), store })
}

/** The same, with groups that remember how far they are. */
export function rememberingLog(name: string): TransportBackend {
  const store = sharedByPlace(() => memoryStore())
  return logBackend({ name, runtime: virtualRuntime(), store, progress: 'relied' })
}

export function brokenLog(name: string, breaks: readonly string[], bend: Bend): BrokenTransport {
  return { backend: bendBackend(honestLog(name), bend), breaks }
}

export function bendBackend(backend: TransportBackend, bend: Bend): TransportBackend {
  const originals = new WeakMap<Transport, Transport>()
  const bent = async (opening: Promise<Transport> | Transport): Promise<Transport> => {
    const good = await opening
    const transport = bendTransport(good, bend)
    originals.set(transport, good)
    return transport
  }
  return {
    ...backend,
    create: (place) => bent(backend.create(place)),
    reopen: (place) => bent(backend.reopen(place)),
    crash: (transport, place) => backend.crash?.(originals.get(transport) ?? transport, place),
  }
}

/** Bends each place in a way of its own, so that the transports of one place can share something. */
export function bendEachPlace(backend: TransportBackend, bendOf: (place: string) => Bend): TransportBackend {
  const places = new Map<string, TransportBackend>()
  const at = (place: string): TransportBackend => {
    const found = places.get(place) ?? bendBackend(backend, bendOf(place))
    places.set(place, found)
    return found
  }
  return {
    ...backend,
    create: (place) => at(place).create(place),
    reopen: (place) => at(place).reopen(place),
    crash: (transport, place) => at(place).crash?.(transport, place),
  }
}

function bendTransport(good: Transport, bend: Bend): Transport {
  const whole: Transport = {
    capabilities: good.capabilities,
    publish: (batch, signal) => good.publish(batch, signal),
    async subscribe(options, sink) {
      const honest = forwardSink(sink)
      const heard = { ...honest, ...bend.sink?.(honest, options) }
      const consumer = forwardConsumer(await good.subscribe(bend.subscribe?.(options) ?? options, heard))
      return { ...consumer, ...bend.consumer?.(consumer, honest) }
    },
    close: () => good.close(),
  }
  return { ...whole, ...bend.transport?.(whole) }
}

function forwardSink(sink: Sink): Sink {
  return {
    assigned: (partitions) => sink.assigned(partitions),
    revoked: (partitions) => sink.revoked(partitions),
    lost: (partitions) => sink.lost(partitions),
    deliver: (deliveries) => sink.deliver(deliveries),
    scanned: (partition, offset) => sink.scanned(partition, offset),
    ended: (cause) => sink.ended(cause),
  }
}

function forwardConsumer(consumer: Consumer): Consumer {
  return {
    request: (count) => consumer.request(count),
    done: (partition, offset) => consumer.done(partition, offset),
    settle: (delivery, how) => consumer.settle(delivery, how),
    seek: (partition, offset) => consumer.seek(partition, offset),
    close: () => consumer.close(),
  }
}
