import type { Position, Store } from '../store/store.ts'

/** Collection of what retention has to know, one document a store. */
const retentionCollection = 'retention'
const id = 'arrivals'

/** Up to this position the log stood at this time, milliseconds since 1970. */
type Mark = readonly [time: number, head: Position]

/** How much later than asked something may go, as a share of its age: one sixteenth. */
const precision = 16

/**
 * Tells what of the log was there at a time. Events of other services carry the time at which they happened, by the clock of their service;
 * how long they are here already is told by where the log stood when.
 */
export interface Arrivals {
  /** Everything at or below was in the log at this time; 0: nobody knows. It may lag behind, by a sixteenth of the age. */
  through(time: number): Position
}

/**
 * Notes where the log stands now, beside what was noted before by any instance, and answers with all of it.
 *
 * @param keep How far back anybody will ask, in milliseconds.
 */
export async function noteArrivals(store: Store, now: number, keep: number): Promise<Arrivals> {
  const [document] = await store.find(retentionCollection, { id })
  const head = (await store.readAll({ after: 0, limit: 1, types: [] })).through
  const known = document === undefined ? [] : (JSON.parse(document.body) as readonly Mark[])
  const marks = thinned(known, [now, head], keep)
  if (marks.length !== known.length || marks.at(-1)?.[1] !== known.at(-1)?.[1]) {
    // Where another instance was faster, its note says the same.
    await store.commit([
      {
        expect: [{ collection: retentionCollection, id, version: document?.version ?? 0 }],
        documents: [{ collection: retentionCollection, id, put: JSON.stringify(marks) }],
      },
    ])
  }
  return { through: (time) => marks.findLast(([at]) => at <= time)?.[1] ?? 0 }
}

/** The older a mark is, the fewer stay beside it, so that years fit into a few hundred. */
function thinned(known: readonly Mark[], latest: Mark, keep: number): readonly Mark[] {
  const [now, head] = latest
  // A clock that has gone back makes what it has said of the future worthless.
  const past = known.filter(([time]) => time <= now)
  const marks = past.at(-1)?.[1] === head ? past : [...past, latest]
  const stay: Mark[] = []
  for (const [index, mark] of marks.entries()) {
    const next = marks[index + 1]
    // Of those that are older than anybody asks for, the last one says it all.
    if (next !== undefined && next[0] <= now - keep) continue
    const before = stay.at(-1)
    const isDense = before !== undefined && next !== undefined && (next[0] - before[0]) * precision <= now - next[0]
    if (!isDense) stay.push(mark)
  }
  return stay
}
