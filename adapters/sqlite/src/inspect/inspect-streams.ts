import type { DatabaseSync } from 'node:sqlite'

import type { Findings } from './findings.ts'

const page = 500

/** Compares the versions of each stream with how many of its events there are. Yields after each page. */
export function* inspectStreams(
  db: DatabaseSync,
  findings: Findings,
): Generator<{ readonly done: number; readonly total: number; readonly rows: number }> {
  const total = (db.prepare('select ifnull(max(id), 0) as last from tidings_streams').get() as { last: number }).last
  const select = db.prepare(
    `select s.id, s.pruned, count(e.position), max(e.stream_version)
     from (select id, pruned from tidings_streams where id > ? order by id limit ${page}) s
     left join tidings_events e on e.stream = s.id and e.stream_version > s.pruned
     group by s.id order by s.id`,
    { returnArrays: true },
  )
  let streams = 0
  for (let after = 0; ; ) {
    const rows = select.all(after) as unknown as [id: number, pruned: number, count: number, last: number | null][]
    for (const [id, pruned, count, last] of rows) {
      // What was pruned may have left holes below; above, each version stands once (an index sees to that), so counting will do.
      if (last === null || last - pruned === count) continue
      const message = `Of versions ${pruned + 1} to ${last}, ${last - pruned - count} are missing.`
      findings.add('gap', 'tidings_streams', `id ${id}`, message)
    }
    streams += rows.length
    const end = rows.at(-1)
    if (end === undefined) return
    after = end[0]
    yield { done: after, total, rows: streams }
  }
}
