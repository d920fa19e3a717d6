import {
  type AnyEventDefinition,
  createEventBus,
  type Event,
  type EventBus,
  type EventBusOptions,
  type Log,
  memoryStore,
  type Store,
} from 'tidings'
import { logTransport, type Transport, type TransportAdapter, type VirtualRuntime, virtualRuntime } from 'tidings/spi'
import { FaultPlan, faultyStore, faultyTransport, type ProcessRuntime, processRuntime } from 'tidings/testing'

/** A broker and services with stores of their own, in one process and in virtual time. */
export interface BrokerWorld {
  readonly runtime: VirtualRuntime
  /** What the broker keeps. */
  readonly broker: Store
  /** Starts a service, or the same one again after its crash: a name keeps its store. */
  open(name: string, options?: ServiceOptions): Promise<ServiceInstance>
  /** Moves time until `work` has ended. */
  run<Result>(work: Promise<Result>): Promise<Result>
  /** Moves time until `holds`, for at most `within` milliseconds of virtual time. Fails with what it throws, or with `what`. */
  until(what: string, holds: () => boolean | Promise<boolean>, within?: number): Promise<void>
  close(): Promise<void>
}

export interface ServiceOptions extends Omit<EventBusOptions, 'url' | 'store' | 'transport' | 'runtime'> {
  /** Store of the service, by a name of its own; default: the service's name. */
  readonly memory?: string
  /** What the service sees its store through, inside of what goes wrong on the way to it. */
  readonly keeping?: (store: Store) => Store
  /** Called with each transport that is opened to the broker; what it returns is used instead. */
  readonly through?: (transport: Transport, link: FaultPlan, process: ProcessRuntime) => Transport
}

export interface ServiceInstance {
  readonly bus: EventBus
  readonly process: ProcessRuntime
  /** What goes wrong between the service and its own store. */
  readonly disk: FaultPlan
  /** What goes wrong between the service and the broker. */
  readonly link: FaultPlan
  /** The service's store, without faults. */
  readonly store: Store
  readonly logged: { readonly level: string; readonly message: string; readonly fields: unknown }[]
  /** Dies without a word. */
  crash(): void
}

export function brokerWorld(seed = 1): BrokerWorld {
  const runtime = virtualRuntime({ seed })
  const broker = memoryStore({ partitions: 4 })
  const stores = new Map<string, Store>()
  const alive = new Set<ServiceInstance>()

  const run = async <Result>(work: Promise<Result>): Promise<Result> => {
    let pending = true
    work.then(
      () => (pending = false),
      () => (pending = false),
    )
    await runtime.advance(0)
    for (let step = 0; pending; step++) {
      if (step > 100_000) throw new Error(`Nothing comes of it, seed ${seed}`)
      await runtime.advance(20)
    }
    return work
  }

  return {
    runtime,
    broker,
    run,
    async open(name, { memory = name, keeping = (kept: Store) => kept, through, ...options } = {}) {
      const process = processRuntime(runtime)
      const disk = new FaultPlan()
      const link = new FaultPlan()
      const logged: ServiceInstance['logged'] = []
      const log: Log = (level, message, fields) => void logged.push({ level, message, fields })
      let store = stores.get(memory)
      if (store === undefined) stores.set(memory, (store = memoryStore()))
      const transport: TransportAdapter = {
        name: 'log',
        async open(host) {
          const opened = logTransport(faultyStore(broker, process, link), host)
          return through === undefined ? faultyTransport(opened, process, link) : through(opened, link, process)
        },
      }
      const bus = await run(
        createEventBus({
          source: `/${name}`,
          ...options,
          store: faultyStore(keeping(store), process, disk),
          transport,
          runtime: process,
          log,
        }),
      )
      const instance: ServiceInstance = {
        bus,
        process,
        disk,
        link,
        store,
        logged,
        crash() {
          process.die()
          disk.crash()
          link.crash()
          alive.delete(instance)
        },
      }
      alive.add(instance)
      return instance
    },
    async until(what, holds, within = 600_000) {
      const end = runtime.monotonic() + within
      await runtime.advance(0)
      while (!(await holds())) {
        if (runtime.monotonic() >= end) throw new Error(`Not within ${within} ms: ${what} (seed ${seed})`)
        await runtime.advance(50)
      }
    },
    async close() {
      for (const { bus, disk, link, process } of alive) {
        disk.heal()
        link.heal()
        process.resume()
        await run(bus.close({ deadline: 5_000 }))
      }
      alive.clear()
    },
  }
}

/** Notes every event that a subscription handles, with its attempt. */
export function note(
  bus: EventBus,
  to: AnyEventDefinition | readonly AnyEventDefinition[] | string,
  name = 'notes',
): { readonly event: Event<unknown>; readonly attempt: number }[] {
  const heard: { readonly event: Event<unknown>; readonly attempt: number }[] = []
  bus.subscribe(to as string, { name }, (event, { attempt }) => void heard.push({ event, attempt }))
  return heard
}
