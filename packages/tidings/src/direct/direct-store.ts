import type { EventRecord } from '../events/record.ts'
import { TidingsError } from '../kernel/errors.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import type { CommitResult, Placed, Store, Unit } from '../store/store.ts'
import type { Outcome, Transport } from '../transport/transport.ts'

/** Events that a broker took have no place in a log of ours. */
const nowhere: Placed = Object.freeze({ position: 0, streamVersion: 0 })

/**
 * What stands in for a store where there is none: events go straight to the broker, and everything else (progress, owners, dead letters) is
 * remembered by this process alone. A unit's events are published before the rest of it becomes true, so a crash between the two repeats
 * them and loses nothing. The broker tells of each event by itself: the events of one unit may come to different ends, and then the unit
 * is refused with what became of the first that failed. No log can be read from it, and units that expect versions of streams are refused.
 */
export function directStore(transport: Transport): Store {
  const memory = memoryStore()
  return {
    ...memory,
    capabilities: Object.freeze({ ...memory.capabilities, name: `none (${transport.capabilities.name})` }),
    async commit(units) {
      const refusals = units.map(refusalOf)
      const sent = units.map(({ append = [] }, at) => (refusals[at] === undefined ? append : []))
      const records = sent.flat()
      const outcomes = records.length === 0 ? [] : await transport.publish(records)
      assertSomeAnswer(records, outcomes)
      let next = 0
      for (const [at, { length }] of sent.entries()) refusals[at] ??= failureOf(outcomes.slice(next, (next += length)))
      const committed = await memory.commit(units.filter((_, at) => refusals[at] === undefined).map(withoutEvents))
      let answered = 0
      return units.map(({ append = [] }, at): CommitResult => {
        const error = refusals[at]
        if (error !== undefined) return { status: 'refused', error }
        const result = committed[answered++] as CommitResult
        return result.status === 'committed' ? { ...result, events: append.map(() => nowhere) } : result
      })
    },
  }
}

function refusalOf({ expect }: Unit): Error | undefined {
  return expect?.some((expectation) => 'stream' in expectation) === true
    ? new TidingsError(
        'TIDINGS_NOT_SUPPORTED',
        '`expectedVersion` needs a store: without one, streams have no versions.',
        {
          details: { field: 'expectedVersion' },
        },
      )
    : undefined
}

function failureOf(outcomes: readonly Outcome[]): Error | undefined {
  for (const outcome of outcomes) if (outcome.status !== 'stored') return outcome.error
  return undefined
}

function withoutEvents({ append: _append, ...rest }: Unit): Unit {
  return rest
}

/** Where the broker answered nothing at all, the caller repeats all of it with the same ids. */
function assertSomeAnswer(records: readonly EventRecord[], outcomes: readonly Outcome[]): void {
  if (records.length === 0 || outcomes.some(({ status }) => status !== 'unknown')) return
  const [first] = outcomes
  throw new TidingsError('TIDINGS_COMMIT_UNKNOWN', 'The broker has not said what became of the events.', {
    cause: first?.status === 'unknown' ? first.error : undefined,
  })
}
