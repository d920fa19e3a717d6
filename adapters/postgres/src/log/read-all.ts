import type { LogQuery, Page } from 'tidings/spi'

import type { Reader } from '../connect/reader.ts'
import { limitOf, wholeOf } from '../limit-of.ts'
import type { Relations } from '../relations.ts'
import { eventColumns, eventFrom } from './event-rows.ts'

/** Most positions that one page looks at where filters may skip them, so that a reader of something rare holds up no other for long. */
const window = 50_000

/**
 * One page of the log. The statement sees one snapshot, and whoever appends becomes visible before the next may begin: so
 * everything up to the head that it sees is all there will ever be.
 */
export async function readAll(reader: Reader, relations: Relations, query: LogQuery): Promise<Page> {
  const after = wholeOf('after', query.after)
  const limit = limitOf(query.limit)
  const upTo = query.upTo === undefined ? undefined : wholeOf('upTo', query.upTo)
  if (limit === 0) return { events: [], through: query.after }
  const { text, values } = compile(relations, query, after, limit, upTo)
  const rows = await reader.rows(text, values)
  const end = Math.max(after, Number(rows[0]?.[0] ?? after))
  const events = rows[0]?.[1] == null ? [] : rows.map((row) => eventFrom(row, 1))
  return { events, through: events.length < limit ? end : (events.at(-1)?.position ?? end) }
}

function compile(
  { events, store }: Relations,
  query: LogQuery,
  after: number,
  limit: number,
  upTo: number | undefined,
): { readonly text: string; readonly values: unknown[] } {
  const values: unknown[] = []
  const bind = (value: unknown): string => `$${values.push(value)}`
  const head = `greatest((select max(m.position) from ${events} m), (select s.pruned from ${store} s))`
  const bounds = upTo === undefined ? [head] : [head, `${bind(upTo)}::bigint`]
  if (isEmpty(query)) return { text: `select least(${bounds.join(', ')}), null`, values }
  const from = bind(after)
  const { conditions, scans } = conditionsOf(events, query, bind)
  // A row beyond the first match may still be far away: so the window begins at the next event there is.
  if (scans)
    bounds.push(
      `(select n.position from ${events} n where n.position > ${from} order by n.position limit 1) + ${window - 1}`,
    )
  const where = [`e.position > ${from}`, 'e.position <= b.through', ...conditions].join(' and ')
  const text = `
    with b as materialized (select least(${bounds.join(', ')}) as through)
    select b.through, e.* from b left join lateral (
      select ${eventColumns} from ${events} e where ${where} order by e.position limit ${bind(limit)}
    ) e on true order by e.position`
  return { text, values }
}

/** Filters of which nothing can match. */
function isEmpty({ types, categories, partitions }: LogQuery): boolean {
  return types?.length === 0 || categories?.length === 0 || partitions?.length === 0
}

/** `scans`: no index leads to what is looked for, so events are passed over one by one. */
function conditionsOf(
  events: string,
  query: LogQuery,
  bind: (value: unknown) => string,
): { readonly conditions: string[]; readonly scans: boolean } {
  const { id, correlation, causation, tenant, categories, partitions, types } = query
  const conditions: string[] = []
  if (id !== undefined) conditions.push(`e.position in (${byId(events, bind(id))})`)
  if (correlation !== undefined) {
    const place = bind(correlation)
    conditions.push(`e.position in (
      select c.position from ${events} c where left(c.correlation, 200) = left(${place}, 200) and c.correlation = ${place}
      union all ${byId(events, place, 'and i.correlation is null')})`)
  }
  if (causation === '') conditions.push("e.causation = ''")
  else if (causation !== undefined) {
    const place = bind(causation)
    conditions.push(`left(e.causation, 200) = left(${place}, 200) and e.causation = ${place} and e.causation <> ''`)
  }
  if (partitions !== undefined)
    conditions.push(
      `e.partition = any (${bind(partitions.filter((one) => one >= 0 && one < 1_024 && Number.isInteger(one)))}::smallint[])`,
    )
  if (types !== undefined) conditions.push(`e.type = any (${bind(types)}::text[])`)
  if (categories !== undefined) conditions.push(`e.category = any (${bind(categories)}::text[])`)
  if (tenant !== undefined) conditions.push(`e.tenant = ${bind(tenant)}`)
  if (query.from !== undefined) conditions.push(`e.time >= ${bind(wholeOf('from', Math.ceil(query.from)))}`)
  if (query.to !== undefined) conditions.push(`e.time < ${bind(wholeOf('to', Math.ceil(query.to)))}`)
  const indexed = id !== undefined || correlation !== undefined || (causation ?? '') !== ''
  return { conditions, scans: conditions.length > 0 && !indexed }
}

/** By the two indexes that hold ids between them. */
function byId(events: string, place: string, also = ''): string {
  const bytes = 'octet_length(i.id) + octet_length(i.source)'
  return `select i.position from ${events} i where i.id = ${place} and ${bytes} <= 2000 ${also}
    union all select i.position from ${events} i where left(i.id, 100) = left(${place}, 100) and i.id = ${place} and ${bytes} > 2000 ${also}`
}
