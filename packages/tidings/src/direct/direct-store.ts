import type { EventRecord } from '../events/record.ts'
import { TidingsError, UnavailableError } from '../kernel/errors.ts'
import { type Runtime, sleep } from '../kernel/runtime.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import type { CommitResult, Expectation, Placed, Store, Unit } from '../store/store.ts'
import { parkedCollection } from '../subscriber/parked-event.ts'
import type { Outcome, Transport } from '../transport/transport.ts'

/** Events that a broker took have no place in a log of ours. */
const nowhere: Placed = Object.freeze({ position: 0, streamVersion: 0 })

/** How long a broker may take to say what became of events, all tries together, in milliseconds. */
const patience = 30_000

/** Most dead letters that are kept; the oldest make room. */
const mostDead = 1_000

/**
 * What stands in for a store where there is none: events go straight to the broker, and everything else (progress, owners, dead letters) is
 * remembered by this process alone. Preconditions are looked at first, then a unit's events are published, then the rest of it becomes true: a
 * crash between the two repeats them and loses nothing. Events whose fate the broker has not told are handed over again with the same ids;
 * where that stays so, the call rejects if nothing is known, else the units concerned are refused. No log can be read from it, and units that
 * expect versions of streams are refused.
 */
export function directStore(transport: Transport, runtime: Runtime): Store {
  const memory = memoryStore()
  let dead = 0

  const capDead = async (units: readonly Unit[]): Promise<void> => {
    for (const { documents = [] } of units)
      for (const change of documents) if ('put' in change && change.collection === parkedCollection) dead++
    if (dead <= 2 * mostDead) return
    const kept = await memory.find(parkedCollection, { limit: 4 * mostDead })
    dead = Math.min(kept.length, mostDead)
    // Ids end in the event's running number.
    const oldest = kept
      .toSorted((a, b) => numberOf(a.id) - numberOf(b.id))
      .slice(0, Math.max(0, kept.length - mostDead))
    await memory.commit([{ documents: oldest.map(({ id }) => ({ delete: true, collection: parkedCollection, id })) }])
  }

  return {
    ...memory,
    capabilities: Object.freeze({
      ...memory.capabilities,
      name: `none (${transport.capabilities.name})`,
      // While a broker writes some down, the next are made.
      commitsAtOnce: 2,
    }),
    async commit(units) {
      const answers: (CommitResult | undefined)[] = units.map(refusalOf)
      // Where nothing is published, what is remembered here is looked at and changed in one go.
      if (units.some(publishes)) {
        await checkDocuments(memory, units, answers)
        const sent = units.map(({ append = [] }, at) => (answers[at] === undefined ? append : []))
        const outcomes = await publish(transport, runtime, sent.flat())
        let next = 0
        for (const [at, { length }] of sent.entries()) answers[at] ??= failureOf(outcomes, next, (next += length))
      }
      for (const [at, unit] of units.entries()) if (!remembers(unit)) answers[at] ??= published(unit)
      const rest = units.filter((_, at) => answers[at] === undefined)
      if (rest.length === 0) return answers as CommitResult[]
      const committed = await memory.commit(rest.map(withoutEvents))
      await capDead(rest)
      let answered = 0
      return units.map((unit, at): CommitResult => {
        const known = answers[at]
        if (known !== undefined) return known
        const result = committed[answered++] as CommitResult
        return result.status === 'committed' ? published(unit) : result
      })
    },
  }
}

function publishes({ append = [] }: Unit): boolean {
  return append.length > 0
}

/** Whether there is more to a unit than what it publishes. */
function remembers({ expect = [], documents = [], statements = [] }: Unit): boolean {
  return expect.length > 0 || documents.length > 0 || statements.length > 0
}

function published({ append = [] }: Unit): CommitResult {
  return { status: 'committed', events: append.map(() => nowhere), repeated: false }
}

function refusalOf({ expect }: Unit): CommitResult | undefined {
  if (expect?.some((expectation) => 'stream' in expectation) !== true) return undefined
  return {
    status: 'refused',
    error: new TidingsError(
      'TIDINGS_NOT_SUPPORTED',
      '`expectedVersion` needs a store: without one, streams have no versions.',
      { details: { field: 'expectedVersion' } },
    ),
  }
}

/** Nothing may be published by a unit that then turns out not to apply: those before it in the same call count as applied. */
async function checkDocuments(
  memory: Store,
  units: readonly Unit[],
  answers: (CommitResult | undefined)[],
): Promise<void> {
  const versions = new Map<string, number>()
  const versionOf = async (collection: string, id: string): Promise<number> => {
    const known = versions.get(`${collection}/${id}`)
    return known ?? (await memory.find(collection, { id }))[0]?.version ?? 0
  }
  for (const [at, { append = [], expect = [], documents = [] }] of units.entries()) {
    if (answers[at] !== undefined || (units.length === 1 && append.length === 0)) continue
    for (const expectation of expect as readonly Extract<Expectation, { readonly collection: string }>[]) {
      const actual = await versionOf(expectation.collection, expectation.id)
      if (actual !== expectation.version) answers[at] ??= { status: 'conflict', expectation, actual }
    }
    if (answers[at] !== undefined) continue
    for (const change of documents) {
      const version = 'put' in change ? (await versionOf(change.collection, change.id)) + 1 : 0
      versions.set(`${change.collection}/${change.id}`, version)
    }
  }
}

/** One outcome an event, none of them unknown unless time is up. Rejects where the broker has not told anything of any. */
async function publish(
  transport: Transport,
  runtime: Runtime,
  records: readonly EventRecord[],
): Promise<readonly Outcome[]> {
  const outcomes = new Array<Outcome>(records.length)
  let open = records.map((_, at) => at)
  const until = runtime.monotonic() + patience
  for (let wait = 50; open.length > 0; wait = Math.min(wait * 2, 2_000)) {
    const answers = await publishInTime(
      transport,
      runtime,
      open.map((at) => records[at] as EventRecord),
      until,
    )
    for (const [index, at] of open.entries()) outcomes[at] = answers[index] as Outcome
    open = open.filter((at) => outcomes[at]?.status === 'unknown')
    // Where nothing is known of anything, whoever asked has patience of its own.
    if (open.length === records.length && records.length > 0) {
      const [first] = outcomes
      throw new TidingsError('TIDINGS_COMMIT_UNKNOWN', 'The broker has not said what became of the events.', {
        cause: first?.status === 'unknown' ? first.error : undefined,
      })
    }
    if (open.length === 0 || runtime.monotonic() + wait >= until) break
    await sleep(runtime, wait)
  }
  return outcomes
}

/** A transport answers when its signal aborts; one that does not is not waited for. */
function publishInTime(
  transport: Transport,
  runtime: Runtime,
  records: readonly EventRecord[],
  until: number,
): Promise<readonly Outcome[]> {
  const abort = new AbortController()
  const unknown = (error: Error): Outcome[] => records.map(() => ({ status: 'unknown', error }))
  return new Promise((resolve) => {
    const timer = runtime.setTimer(Math.max(0, until - runtime.monotonic()), () => {
      const late = new UnavailableError('The broker has not answered in time')
      abort.abort(late)
      resolve(unknown(late))
    })
    const end = (outcomes: readonly Outcome[]): void => {
      timer.cancel()
      resolve(outcomes)
    }
    transport.publish(records, abort.signal).then(end, (error: unknown) => end(unknown(error as Error)))
  })
}

/** Why the events from one to before another did not get there; undefined where they did. */
function failureOf(outcomes: readonly Outcome[], from: number, to: number): CommitResult | undefined {
  for (let at = from; at < to; at++) {
    const outcome = outcomes[at] as Outcome
    if (outcome.status === 'refused') return { status: 'refused', error: outcome.error }
    if (outcome.status === 'unknown') {
      return { status: 'refused', error: new UnavailableError('The broker has not said what became of an event') }
    }
  }
  return undefined
}

function withoutEvents({ append: _append, ...rest }: Unit): Unit {
  return rest
}

function numberOf(parkedId: string): number {
  return Number(parkedId.slice(parkedId.lastIndexOf('/') + 1))
}
