import type { PruneQuery } from 'tidings/spi'

import { streamId, uuidText } from '../commit/identities.ts'
import type { TextRow } from '../connect/link.ts'
import { wholeOf } from '../limit-of.ts'
import type { Relations } from '../relations.ts'

/** Most positions that one step looks at, so that each step is a short transaction. */
const window = 20_000

export interface PruneStep {
  readonly removed: number
  /** Whether something that matches was left because of the limit. */
  readonly more: boolean
  /** Where the next step goes on; undefined: nothing more can match. */
  readonly next: number | undefined
}

/** Runs one statement in a transaction of its own. */
export type Run = (text: string, values: unknown[]) => Promise<readonly TextRow[]>

/**
 * Removes what matches among the next events after a position, at most `limit`. How far each stream and the log itself had come is
 * kept in the same statement, so that neither a version nor a position is given twice. Appends go on beside it: their statements see all
 * of a step or nothing.
 */
export async function pruneStep(
  run: Run,
  relations: Relations,
  query: PruneQuery,
  after: number,
  limit: number,
): Promise<PruneStep> {
  const through = wholeOf('through', query.through)
  const { text, values } = compile(relations, query, after, through, limit)
  const row = (await run(text, values))[0]
  const found = Number(row?.[0] ?? 0)
  const end = row?.[2] == null ? through : Number(row[2])
  return { removed: Number(row?.[1] ?? 0), more: found > limit, next: end < through ? end : undefined }
}

function compile(
  { events, prunedStreams, store }: Relations,
  { before, types, exceptTypes, source, exceptSource, stream }: PruneQuery,
  after: number,
  through: number,
  limit: number,
): { readonly text: string; readonly values: unknown[] } {
  const values: unknown[] = []
  const bind = (value: unknown): string => `$${values.push(value)}`
  const [from, to] = [bind(after), bind(through)]
  const conditions = [`e.position > ${from}`, 'e.position <= b.last']
  if (before !== undefined) conditions.push(`e.time < ${bind(wholeOf('before', Math.ceil(before)))}`)
  if (types !== undefined) conditions.push(`e.type = any (${bind(types)}::text[])`)
  if (exceptTypes !== undefined) conditions.push(`e.type <> all (${bind(exceptTypes)}::text[])`)
  if (source !== undefined) conditions.push(`e.source = ${bind(source)}`)
  if (exceptSource !== undefined) conditions.push(`e.source <> ${bind(exceptSource)}`)
  if (stream !== undefined) conditions.push(`e.stream = ${bind(uuidText(streamId(stream)))}`)
  // One stream is found by its index, however long the log is.
  const last =
    stream === undefined
      ? `least(${to}::bigint, (select n.position from ${events} n where n.position > ${from} order by n.position limit 1) + ${window - 1})`
      : `${to}::bigint`
  const most = bind(limit)
  const text = `
    with b as materialized (select ${last} as last),
    found as materialized (
      select e.position, e.stream, e.stream_version from b join ${events} e on ${conditions.join(' and ')}
      order by e.position limit ${most}::bigint + 1),
    gone as (
      delete from ${events} e using (select position from found order by position limit ${most}::bigint) f
      where e.position = f.position returning e.position, e.stream, e.stream_version),
    tops as materialized (select stream, max(stream_version) as version from gone group by stream),
    streams as (
      insert into ${prunedStreams} as p (stream, version)
      select t.stream, t.version from tops t where not exists (
        select 1 from ${events} e where e.stream = t.stream and e.stream_version > t.version)
      on conflict (stream) do update set version = greatest(p.version, excluded.version)),
    log as (
      update ${store} set pruned = greatest(pruned, (select max(position) from gone)) where exists (select 1 from gone))
    select (select count(*) from found), (select count(*) from gone), (select last from b)`
  return { text, values }
}
