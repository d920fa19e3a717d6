import type { DatabaseSync } from 'node:sqlite'

import type { Findings } from './findings.ts'

const page = 500

type Row = readonly [collection: string, id: string, body: string, indexed: string | null]

/** Parses every document, and compares what it says of its index with the index itself. Yields after each page. */
export function* inspectDocuments(
  db: DatabaseSync,
  findings: Findings,
): Generator<{ readonly done: number; readonly total: number; readonly rows: number }> {
  const total = (db.prepare('select count(*) as count from tidings_documents').get() as { count: number }).count
  const select = db.prepare(
    `select collection, id, body, indexed from tidings_documents where (collection, id) > (?, ?) order by collection, id limit ${page}`,
    { returnArrays: true },
  )
  const entries = db.prepare(
    'select count(*) from tidings_document_index where collection = ? and name = ? and value = ? and id = ?',
    { returnArrays: true },
  )
  let done = 0
  for (let [collection, id] = ['', '']; ; ) {
    const rows = select.all(collection, id) as unknown as Row[]
    for (const row of rows) inspectDocument(row, entries, findings)
    done += rows.length
    const last = rows.at(-1)
    if (last === undefined) break
    ;[collection, id] = last
    yield { done, total, rows: done }
  }
  const strays = db.prepare(
    `select i.collection, i.name, i.id from tidings_document_index i
     left join tidings_documents d on d.collection = i.collection and d.id = i.id where d.indexed is null limit 1000`,
    { returnArrays: true },
  )
  for (const [of, name, stray] of strays.all() as unknown as [string, string, string][]) {
    const row = `${of} / ${stray}`
    findings.add('foreign', 'tidings_document_index', row, `Index ${name} names a document that does not know of it.`)
  }
}

function inspectDocument(
  [collection, id, body, indexed]: Row,
  entries: ReturnType<DatabaseSync['prepare']>,
  findings: Findings,
): void {
  const row = `${collection} / ${id}`
  if (!parses(body)) findings.add('document', 'tidings_documents', row, 'The body is not JSON.')
  if (indexed === null) return
  if (!parses(indexed)) {
    findings.add('document', 'tidings_documents', row, 'What it says of its index is not JSON.')
    return
  }
  for (const [name, value] of JSON.parse(indexed) as [string, string | number][]) {
    const [count] = entries.get(collection, name, value, id) as unknown as [number]
    if (count === 0) findings.add('foreign', 'tidings_documents', row, `Index ${name} does not hold it.`)
  }
}

function parses(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
