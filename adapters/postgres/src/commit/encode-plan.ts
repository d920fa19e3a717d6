import type { EventRecord } from 'tidings/spi'

import type { RowType } from '../relations.ts'
import { indexSpace, type StreamIdentities } from './identities.ts'
import type { Plan, PlannedDocument, PlannedStream } from './plan-units.ts'
import { RowArray } from './row-arrays.ts'

/** The numbers that the database has given the types of our rows. */
export type RowTypes = Readonly<Record<RowType, number>>

/** See `commitUnits` of the first migration. */
export const commitMode = { answer: 0, insist: 1, look: 2 } as const

export type CommitMode = (typeof commitMode)[keyof typeof commitMode]

/** A plan as `commitUnits` takes it. Throws TypeError or RangeError where a value is not what its type says. */
export function encodePlan(plan: Plan, mode: CommitMode, identities: StreamIdentities, types: RowTypes): unknown[] {
  return [
    mode,
    identities.head,
    encodeStreams(plan.streams, identities, types.stream),
    encodeDocuments(plan.documents, types.document),
    encodeEntries(plan.documents, types.entry),
    encodeAbsent(plan.absent, types.absent),
    encodeEvents(plan, types.event),
  ]
}

function encodeStreams(streams: readonly PlannedStream[], identities: StreamIdentities, type: number): Buffer {
  const rows = new RowArray(type, streams.length, 64)
  for (const stream of streams) {
    rows.begin(3)
    rows.uuid(stream.identity.stream)
    rows.int8(expectedOf(stream))
    rows.int8(identities.versionOf(stream.identity))
    rows.close()
  }
  return rows.end()
}

function encodeDocuments(documents: readonly PlannedDocument[], type: number): Buffer {
  const rows = new RowArray(type, documents.length, 400)
  for (const document of documents) {
    const { body } = document
    const values = Object.entries(body?.index ?? {})
    rows.begin(9)
    rows.uuid(document.document)
    rows.int8(expectedOf(document))
    rows.int2(body === undefined ? 0 : body === null ? 2 : 1)
    rows.int4(document.puts)
    rows.bool(document.anew)
    rows.text(document.collection)
    rows.text(document.id)
    rows.text(values.length === 0 ? null : JSON.stringify(values))
    rows.text(body?.put ?? null)
    rows.close()
  }
  return rows.end()
}

function encodeEntries(documents: readonly PlannedDocument[], type: number): Buffer {
  const count = documents.reduce((sum, { body }) => sum + Object.keys(body?.index ?? {}).length, 0)
  const rows = new RowArray(type, count, 150)
  for (let at = 0; at < documents.length && count > 0; at++) {
    const { body, collection, id } = documents[at] as PlannedDocument
    for (const [name, value] of Object.entries(body?.index ?? {})) {
      rows.begin(5)
      rows.int4(at + 1)
      rows.uuid(indexSpace(collection, name))
      rows.float8(typeof value === 'number' ? value : null)
      rows.text(typeof value === 'string' ? value : null)
      rows.text(id)
      rows.close()
    }
  }
  return rows.end()
}

function encodeAbsent(absent: readonly EventRecord[], type: number): Buffer {
  const rows = new RowArray(type, absent.length, 100)
  for (const { id, source } of absent) {
    rows.begin(2)
    rows.text(id)
    rows.text(source)
    rows.close()
  }
  return rows.end()
}

function encodeEvents({ records, streams, streamAt, nth }: Plan, type: number): Buffer {
  const rows = new RowArray(type, records.length, 1_000)
  for (let at = 0; at < records.length; at++) {
    const record = records[at] as EventRecord
    const { id, correlation, data } = record
    const stream = streamAt[at] as number
    rows.begin(20)
    rows.int4(stream + 1)
    rows.int4(nth[at] as number)
    rows.int2((streams[stream] as PlannedStream).identity.partition)
    rows.int2(record.priority)
    rows.int8(record.time)
    rows.text(id)
    rows.text(record.source)
    rows.text(record.type)
    rows.text(record.version)
    rows.text(record.tenant)
    rows.text(record.category)
    rows.text(record.key)
    rows.text(correlation === id ? null : correlation)
    rows.text(record.causation)
    rows.text(record.encoding)
    rows.text(record.checksum)
    rows.text(record.seal)
    rows.text(record.context)
    rows.text(typeof data === 'string' ? data : null)
    rows.bytes(typeof data === 'string' ? null : data)
    rows.close()
  }
  return rows.end()
}

function expectedOf({ base, relied }: { readonly base: number | undefined; readonly relied: boolean }): number {
  return relied && base !== undefined ? base : -1
}
