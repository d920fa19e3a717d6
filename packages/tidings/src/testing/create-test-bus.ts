import type { EventBusOptions } from '../bus/bus-options.ts'
import { type BusParts, partsOf, rememberParts } from '../bus/bus-parts.ts'
import { createEventBus } from '../bus/create-event-bus.ts'
import type { EventBus } from '../bus/event-bus.ts'
import type { AnyEventDefinition, DefinitionOf } from '../events/define-event.ts'
import type { Event } from '../events/event.ts'
import { eventOf } from '../events/record-codec.ts'
import { isInternal } from '../events/type-pattern.ts'
import { TidingsError } from '../kernel/errors.ts'
import { silentLog } from '../kernel/log.ts'
import { silentMeter } from '../kernel/meter.ts'
import type { Runtime } from '../kernel/runtime.ts'
import { type VirtualRuntime, virtualRuntime } from '../kernel/virtual-runtime.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import type { Store } from '../store/store.ts'
import type { ParkedEvent } from '../subscriber/parked-event.ts'
import { FaultPlan, type FaultRule } from './fault-plan.ts'
import { faultyStore } from './faulty-store.ts'
import { outstandingIn, unassignedIn, type Waiting, waitingIn } from './outstanding.ts'
import { isProcessRuntime, type ProcessRuntime, processRuntime } from './process-runtime.ts'
import { type Recording, recordingStore } from './recording-store.ts'
import { type VirtualClock, virtualClock } from './virtual-clock.ts'

/** Those of a bus; the log is polled each second by default, since a memory store's wake-ups come. */
export interface TestBusOptions extends Omit<EventBusOptions, 'url' | 'runtime' | 'store'> {
  /** What it stands on instead of a memory store of its own. */
  readonly store?: Exclude<EventBusOptions['store'], 'none'>
  /** Decides every random choice: jitter, ids, injected faults. Default 1. Errors of the kit name it. */
  readonly seed?: number
  /** Where virtual time begins: milliseconds since 1970 or a date. Default 2026-01-01T00:00:00Z. */
  readonly start?: number | Date
  /** What goes wrong between this bus and its store, from the beginning; more can be added later by `faults`. */
  readonly faults?: readonly FaultRule[]
  /** Another instance of the same service: shares the store, the clock and the records of a test bus made earlier. */
  readonly beside?: TestWorld
}

/** What was asked of `settled`: the facts at that moment. */
export interface Settled {
  /** What happens later, when the clock is moved or somebody acts. Empty: nothing is left to happen. */
  readonly waiting: readonly Waiting[]
}

/** An event bus that can tell when everything it was told has run its course. */
export interface TestBus extends EventBus {
  /**
   * Resolves when nothing caused by what was published is outstanding: no publish, no commit, no handler, no delivery. What only
   * waits for the clock (retries, parked events with a due time, an open breaker) does not hold it up; it is told as `waiting`.
   * A handler that has not returned holds it up. While an injected fault keeps the store away, move the clock meanwhile.
   */
  settled(): Promise<Settled>
  /**
   * Settles, then answers all events published so far. Rejects with `TIDINGS_DEADLINE` where those are fewer than `count` (default 1): nothing that is
   * left to happen could bring more.
   */
  waitForEvents(count?: number): Promise<readonly Event<unknown>[]>
}

/** A bus and its whole world, in one process and in virtual time. */
export interface TestWorld {
  /** Starts by itself with the first publish, `settled` or `start`; subscribe before that, or at any time later. */
  readonly bus: TestBus
  readonly clock: VirtualClock
  /** Every event that was committed, in commit order, without those that the library publishes for itself; of one definition or type, where given. */
  readonly published: {
    <Data>(definition: DefinitionOf<Data>): readonly Event<Data>[]
    (type?: string): readonly Event<unknown>[]
  }
  /** Every event that is set aside now; of one subscription, where given. */
  readonly parked: (subscription?: string) => readonly ParkedEvent[]
  /** What goes wrong between this bus and its store. `faults.crash()` ends the process: make another `beside` it to take over. */
  readonly faults: FaultPlan
  /** The process this bus lives in: it may be stopped for a while, or have its wall clock moved, while others go on. */
  readonly process: ProcessRuntime
  readonly seed: number
  /** The store itself, without faults. */
  readonly store: Store
  /** Closes the bus; time moves as far as that needs. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Worlds that share a store, by their recording. */
const neighbours = new WeakMap<Recording, Set<BusParts>>()

/** A bus on a memory store under a virtual clock. The same code as everywhere else; only time, randomness and the disk are in the test's hands. */
export async function createTestBus(options: TestBusOptions = {}): Promise<TestWorld> {
  const { seed: _seed, start: _start, beside, store: given, faults, ...rest } = options
  const outside = beside?.clock.runtime ?? virtualRuntime({ seed: options.seed ?? 1, ...startOf(options.start) })
  const process = processRuntime(outside)
  const opened = await openStore(given ?? beside?.store, outside, options)
  const recording = recordingStore(opened)
  const plan = new FaultPlan(faults)
  const inner = await createEventBus({
    transport: { poll: 1_000 },
    ...rest,
    store: faultyStore(recording.store, process, plan),
    runtime: process,
  })
  const parts = partsOf(inner)
  const together = neighbours.get(recording) ?? new Set()
  neighbours.set(recording, together.add(parts))

  let underWay = 0
  const changed = new Set<() => void>()
  const tell = (): void => {
    // Who is woken may ask to be woken again; that is for the next time.
    const all = Array.from(changed)
    for (const wake of all) wake()
  }
  const track = <Result>(work: Promise<Result>): Promise<Result> => {
    underWay++
    const ended = (): void => {
      underWay--
      tell()
    }
    work.then(ended, ended)
    return work
  }
  const ready = async (): Promise<void> => {
    // A subscription that could not start later is no business of those who publish.
    if (parts.phase() !== 'started') await inner.start()
    await parts.started()
  }
  /** A consumer that has joined its group hears of its partitions by the end of the turn. */
  const turn = (): Promise<void> => new Promise((resolve) => outside.defer(resolve))

  const outstanding = (): string | undefined => {
    if (underWay > 0) return `${underWay} publishes are under way`
    for (const one of together) {
      if (isStopped(one.runtime)) continue
      const why = outstandingIn(one, recording.head)
      if (why !== undefined) return why
    }
    return undefined
  }

  const waiting = (): Waiting[] => [
    ...[...together].flatMap(waitingIn),
    ...unassignedIn(together).map(({ subscription }): Waiting => ({ subscription, what: 'partitions' })),
  ]

  plan.onCrash(() => {
    process.die()
    together.delete(parts)
    tell()
  })

  const settled = async (): Promise<Settled> => {
    await ready()
    await turn()
    for (;;) {
      await parts.started()
      if (outstanding() === undefined) return { waiting: waiting() }
      await new Promise<void>((resolve) => {
        const stops = [...together].map((one) => one.onProgress(wake))
        function wake(): void {
          changed.delete(wake)
          for (const stop of stops) stop()
          resolve()
        }
        changed.add(wake)
        for (const one of together) if (one.committer.busy) void one.committer.idle().then(wake)
      })
    }
  }

  const published = (wanted?: AnyEventDefinition | string): readonly Event<unknown>[] => {
    const type = typeof wanted === 'object' ? wanted.type : wanted
    return recording.events
      .filter(({ record }) => (type === undefined ? !isInternal(record.type) : record.type === type))
      .toSorted((a, b) => a.position - b.position)
      .map(({ record }) => eventOf(record))
  }

  const close = async (closeOptions?: { readonly deadline?: number }): Promise<void> => {
    // A dead process ends nothing any more; one that stands still can only be ended when it goes on.
    if (process.state === 'dead') return
    process.resume()
    let open = true
    const closing = inner.close(closeOptions).finally(() => (open = false))
    // Draining may wait for handlers and timers, and nobody else moves the clock.
    while (open && (await outside.step()));
    await closing
    together.delete(parts)
    if (given !== undefined && 'open' in given) await opened.close()
  }

  const bus: TestBus = {
    ...inner,
    publish: ((...input: Parameters<EventBus['publish']>) =>
      track(ready().then((): Promise<unknown> => inner.publish(...input)))) as EventBus['publish'],
    transaction: (work) => track(ready().then(() => inner.transaction(work))),
    start: () => inner.start(),
    close,
    settled,
    async waitForEvents(count = 1) {
      await settled()
      const all = published()
      if (all.length >= count) return all
      throw new TidingsError(
        'TIDINGS_DEADLINE',
        `Expected at least ${count} events, got ${all.length} (${summary(all)}); nothing more will come by itself. Seed ${outside.seed}.`,
        {
          details: { expected: count, actual: all.length, seed: outside.seed },
        },
      )
    },
  }
  // What does not go through the bus is let in all the same, and holds up `settled` as a publish does.
  rememberParts(bus, { ...parts, enter: (work) => track(ready().then(() => parts.enter(work))) })

  return {
    bus,
    clock: virtualClock(outside),
    process,
    faults: plan,
    published: published as TestWorld['published'],
    parked: (subscription) =>
      recording.parked().filter((parked) => subscription === undefined || parked.subscription === subscription),
    seed: outside.seed,
    store: recording.store,
    close,
    [Symbol.asyncDispose]: close,
  }
}

function isStopped(runtime: Runtime): boolean {
  return isProcessRuntime(runtime) && runtime.state !== 'running'
}

function startOf(start: TestBusOptions['start']): { start?: number } {
  return start === undefined ? {} : { start: start instanceof Date ? start.getTime() : start }
}

async function openStore(
  given: TestBusOptions['store'],
  runtime: VirtualRuntime,
  { log = silentLog, meter = silentMeter }: TestBusOptions,
): Promise<Store> {
  if (given === undefined) return memoryStore()
  return 'open' in given ? given.open({ runtime, log, meter }) : given
}

/** How many of each type, for messages. */
function summary(events: readonly Event<unknown>[]): string {
  const counts = new Map<string, number>()
  for (const { type } of events) counts.set(type, (counts.get(type) ?? 0) + 1)
  return counts.size === 0 ? 'none' : [...counts].map(([type, count]) => `${count} × ${type}`).join(', ')
}
