import type { DatabaseSync, SQLInputValue } from 'node:sqlite'

import type { Position, PruneQuery } from 'tidings/spi'

/** Most positions that one step looks at: about ten milliseconds of the main thread. */
const window = 20_000

type Doomed = readonly [position: Position, stream: number, streamVersion: number]

export interface PruneStep {
  readonly removed: number
  /** Whether something that matches was left because of the limit. */
  readonly more: boolean
  /** Where the next step goes on; undefined: nothing more can match. */
  readonly next: Position | undefined
}

/**
 * Removes what matches among the next events after a position, at most `limit`. Inside a transaction that somebody else
 * begins and ends. How far each stream and the log itself had come is kept, so that neither a version nor a position is
 * given twice.
 */
export function pruneStep(db: DatabaseSync, query: PruneQuery, after: Position, limit: number): PruneStep {
  const end = windowEnd(db, query, after)
  if (end === undefined) return { removed: 0, more: false, next: undefined }
  const { where, values } = compile(query)
  const found = db
    .prepare(
      `select position, stream, stream_version from tidings_events
       where position > ? and position <= ? ${where} order by position limit ?`,
      { returnArrays: true },
    )
    .all(after, end, ...values, limit + 1) as unknown as Doomed[]
  const doomed = found.slice(0, limit)
  if (doomed.length > 0) remove(db, doomed)
  return { removed: doomed.length, more: found.length > limit, next: end < query.through ? end : undefined }
}

function windowEnd(db: DatabaseSync, query: PruneQuery, after: Position): Position | undefined {
  const row = db
    .prepare('select position from tidings_events where position > ? and position <= ? order by position limit 1', {
      returnArrays: true,
    })
    .get(after, query.through) as unknown as [Position] | undefined
  if (row === undefined) return undefined
  // One stream is found by its index, however long the log is.
  return query.stream === undefined ? Math.min(query.through, row[0] + window - 1) : query.through
}

function compile({ before, types, exceptTypes, source, exceptSource, stream }: PruneQuery): {
  readonly where: string
  readonly values: SQLInputValue[]
} {
  const conditions: string[] = []
  const values: SQLInputValue[] = []
  if (stream !== undefined) {
    conditions.push('stream = (select id from tidings_streams where tenant = ? and category = ? and key = ?)')
    values.push(stream.tenant, stream.category, stream.key)
  }
  if (before !== undefined) {
    conditions.push('time < ?')
    values.push(before)
  }
  if (types !== undefined) {
    conditions.push(`type in (${types.map(() => '?').join(', ')})`)
    values.push(...types)
  }
  if (exceptTypes !== undefined && exceptTypes.length > 0) {
    conditions.push(`type not in (${exceptTypes.map(() => '?').join(', ')})`)
    values.push(...exceptTypes)
  }
  if (source !== undefined) {
    conditions.push('source = ?')
    values.push(source)
  }
  if (exceptSource !== undefined) {
    conditions.push('source <> ?')
    values.push(exceptSource)
  }
  return { where: conditions.map((condition) => `and ${condition}`).join(' '), values }
}

function remove(db: DatabaseSync, doomed: readonly Doomed[]): void {
  const highest = new Map<number, number>()
  for (const [, stream, version] of doomed) highest.set(stream, Math.max(highest.get(stream) ?? 0, version))
  const keep = db.prepare('update tidings_streams set pruned = ? where id = ? and pruned < ?')
  for (const [stream, version] of highest) keep.run(version, stream, version)
  const last = (doomed.at(-1) as Doomed)[0]
  db.prepare("update tidings_meta set value = ? where name = 'pruned' and value < ?").run(last, last)
  const gone = db.prepare('delete from tidings_events where position = ?')
  for (const [position] of doomed) gone.run(position)
}
