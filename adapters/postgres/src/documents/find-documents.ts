import type { DocumentQuery, StoredDocument } from 'tidings/spi'

import { documentId, indexSpace, uuidText } from '../commit/identities.ts'
import type { Reader } from '../connect/reader.ts'
import { limitOf } from '../limit-of.ts'
import type { Relations } from '../relations.ts'

/** Documents of a collection, in order of the index asked for, else of id. Indexes hold the first 200 characters; equal ones are sorted after. */
export async function findDocuments(
  reader: Reader,
  relations: Relations,
  collection: string,
  query: DocumentQuery,
): Promise<readonly StoredDocument[]> {
  const limit = limitOf(query.limit ?? 1_000)
  if (limit === 0) return []
  const { text, values } = compile(relations, collection, query, limit)
  const rows = await reader.rows(text, values)
  return rows.map(([id, version, body]) => ({ id: id as string, version: Number(version), body: body as string }))
}

function compile(
  { documents, documentIndex }: Relations,
  collection: string,
  { id, prefix, by, after }: DocumentQuery,
  limit: number,
): { readonly text: string; readonly values: unknown[] } {
  const values: unknown[] = []
  const bind = (value: unknown): string => `$${values.push(value)}`
  const conditions: string[] = []
  if (by === undefined) conditions.push(`d.collection = ${bind(collection)}`)
  else {
    conditions.push(`i.space = ${bind(uuidText(indexSpace(collection, by.index)))}`)
    if (typeof by.equal === 'number') conditions.push(`i.number = ${bind(by.equal)}::double precision`)
    else if (by.equal !== undefined) {
      const place = bind(by.equal)
      conditions.push(`i.number is null and left(i.text, 200) = left(${place}, 200) and i.text = ${place}`)
    }
    if (by.upTo !== undefined) conditions.push(`i.number <= ${bind(by.upTo)}::double precision`)
  }
  const name = by === undefined ? 'd.id' : 'i.id'
  if (id !== undefined) {
    const table = by === undefined ? 'd' : 'i'
    conditions.push(`${table}.document = ${bind(uuidText(documentId(collection, id)))} and ${name} = ${bind(id)}`)
  }
  if (after !== undefined) {
    const place = bind(after)
    conditions.push(`left(${name}, 200) >= left(${place}, 200) and ${name} > ${place}`)
  }
  if (prefix !== undefined && prefix !== '') {
    const place = bind(prefix)
    conditions.push(`left(${name}, 200) >= left(${place}, 200) and starts_with(${name}, ${place})`)
    const end = textAfter(prefix)
    if (end !== undefined) conditions.push(`left(${name}, 200) <= left(${bind(end)}, 200)`)
  }
  const [from, order] =
    by === undefined
      ? [`${documents} d`, 'left(d.id, 200), d.id']
      : [
          `${documentIndex} i join ${documents} d on d.document = i.document`,
          'i.number, left(i.text, 200), i.text, i.id',
        ]
  return {
    text: `select d.id, d.version, d.body from ${from} where ${conditions.join(' and ')} order by ${order} limit ${bind(limit)}`,
    values,
  }
}

/** The least text above everything that begins with `prefix`, in the order of code points; undefined: there is none. */
export function textAfter(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) as number)
  for (let point = points.pop(); point !== undefined; point = points.pop()) {
    // Surrogates are no characters.
    if (point < 0x10ffff) return String.fromCodePoint(...points, point === 0xd7ff ? 0xe000 : point + 1)
  }
  return undefined
}
