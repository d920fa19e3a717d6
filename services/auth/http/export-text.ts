import { Readable } from 'node:stream'

import { type SqlStore, sql } from 'tidings'

export interface ExportHead {
  readonly exportId: string
  readonly userId: string
  readonly missing: readonly string[]
  /** Milliseconds since 1970. */
  readonly readyAt: number
}

/**
 * An export as JSON, one part in memory at a time: what it is, and of each service the parts it sent, in order. Each part is an object of tables, whose rows go
 * on in the next part.
 */
export function exportText(store: SqlStore, head: ExportHead): Readable {
  return Readable.from(pieces(store, head), { objectMode: false, encoding: 'utf8' })
}

async function* pieces(store: SqlStore, { exportId, userId, missing, readyAt }: ExportHead): AsyncGenerator<string> {
  const about = {
    exportId,
    userId,
    madeAt: new Date(readyAt).toISOString(),
    complete: missing.length === 0,
    missing,
  }
  yield `${JSON.stringify(about).slice(0, -1)},"services":{`
  const index = await store.query(sql`
    select service, part from auth_export_parts where export_id = ${exportId} order by service, part`)
  let service: unknown
  for (const entry of index) {
    const isNext = entry.service !== service
    if (isNext) yield `${service === undefined ? '' : '],'}${JSON.stringify(entry.service)}:[`
    service = entry.service
    const [row] = await store.query(sql`
      select data from auth_export_parts
      where export_id = ${exportId} and service = ${entry.service ?? null} and part = ${entry.part ?? null}`)
    // It expires, or its owner is forgotten, while it is read: what is left of it would be no JSON, so the reader sees that it broke off.
    if (row === undefined) throw new Error('The export has been erased while it was read.')
    yield `${isNext ? '' : ','}${row.data as string}`
  }
  yield `${service === undefined ? '' : ']'}}}\n`
}
