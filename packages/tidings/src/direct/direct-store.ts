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
 * is refused with what became of the first that failed. No log can be read from it, and no stream has versions.
 */
export function directStore(transport: Transport): Store {
  const memory = memoryStore()
  return {
    ...memory,
    capabilities: Object.freeze({ ...memory.capabilities, name: `none (${transport.capabilities.name})` }),
    async commit(units) {
      const records = units.flatMap(({ append = [] }) => append)
      const outcomes = records.length === 0 ? [] : await transport.publish(records)
      assertSomeAnswer(records, outcomes)
      let next = 0
      const refused = units.map(({ append = [] }) => {
        const mine = outcomes.slice(next, (next += append.length))
        for (const outcome of mine) if (outcome.status !== 'stored') return outcome
        return undefined
      })
      const committed = await memory.commit(units.filter((_, at) => refused[at] === undefined).map(withoutEvents))
      let answered = 0
      return units.map((unit, at): CommitResult => {
        const failure = refused[at]
        if (failure !== undefined) return { status: 'refused', error: failure.error }
        const result = committed[answered++] as CommitResult
        return result.status === 'committed' ? { ...result, events: (unit.append ?? []).map(() => nowhere) } : result
      })
    },
  }
}

/** Preconditions on streams cannot hold where streams have no versions. */
function withoutEvents({ append: _append, expect, ...rest }: Unit): Unit {
  const wrong = expect?.find((expectation) => 'stream' in expectation)
  if (wrong === undefined) return expect === undefined ? rest : { ...rest, expect }
  return { ...rest, expect: [...(expect ?? []), impossible] }
}

/** No document stands at this version. */
const impossible = { collection: 'versions', id: 'of streams, which need a store', version: -1 } as const

/** Where the broker answered nothing at all, the caller repeats all of it with the same ids. */
function assertSomeAnswer(records: readonly EventRecord[], outcomes: readonly Outcome[]): void {
  if (records.length === 0 || outcomes.some(({ status }) => status !== 'unknown')) return
  const [first] = outcomes
  throw new TidingsError('TIDINGS_COMMIT_UNKNOWN', 'The broker has not said what became of the events.', {
    cause: first?.status === 'unknown' ? first.error : undefined,
  })
}
