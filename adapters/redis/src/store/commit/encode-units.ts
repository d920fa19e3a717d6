import {
  type DocumentChange,
  type EventRecord,
  type Expectation,
  partitionOf,
  type StreamName,
  streamText,
  TidingsError,
  type Unit,
} from 'tidings/spi'

import { eventText } from '../../events/event-text.ts'

/** A unit that may go to the server, in the form that `commitScript` reads. */
export interface EncodedUnit {
  readonly unit: Unit
  readonly texts: readonly string[]
  readonly bytes: number
}

export interface EncodeOptions {
  readonly partitions: number
  readonly maxBytes: number
}

/** Streams whose partition is remembered, before all are forgotten. */
const mostStreams = 10_000

/** Turns units into arguments of the commit script. */
export class UnitEncoder {
  readonly #options: EncodeOptions
  readonly #partitions = new Map<string, string>()

  constructor(options: EncodeOptions) {
    this.#options = options
  }

  /** What the unit would write; a coded error where it can never be written. */
  prepare(unit: Unit): EncodedUnit | TidingsError {
    if (unit.statements !== undefined && unit.statements.length > 0) return noSql()
    const { append = [], documents = [] } = unit
    const texts = new Array<string>(append.length)
    let bytes = 100
    for (let at = 0; at < append.length; at++) {
      const record = append[at] as EventRecord
      const fault = faultOf(record)
      if (fault !== undefined) return fault
      const text = eventText(record)
      texts[at] = text
      const size = sizeOf(text, this.#options.maxBytes)
      if (size > this.#options.maxBytes) return tooLarge('event', this.#options.maxBytes)
      bytes += size + 300
    }
    for (const change of documents) {
      if (!('put' in change)) continue
      const size = sizeOf(change.put, mostDocumentBytes)
      if (size > mostDocumentBytes) return tooLarge('document', mostDocumentBytes)
      const name = badIndex(change)
      if (name !== undefined) return notFinite(name)
      bytes += size + 300
    }
    return { unit, texts, bytes }
  }

  /** The arguments after those that name the store. */
  args(units: readonly EncodedUnit[]): string[] {
    const streams = new Map<string, number>()
    const ids: string[] = []
    const sources: string[] = []
    const body: string[] = []
    const numberOf = (name: StreamName): string => {
      const text = streamText(name)
      let number = streams.get(text)
      if (number === undefined) streams.set(text, (number = streams.size + 1))
      return String(number)
    }
    for (const { unit, texts } of units) {
      const { expect = [], append = [], documents = [] } = unit
      body.push(
        expect.length + documents.length === 0
          ? String(append.length)
          : `${expect.length},${append.length},${documents.length}`,
      )
      for (const expectation of expect) pushExpectation(body, expectation, numberOf)
      for (let at = 0; at < append.length; at++) {
        const record = append[at] as EventRecord
        ids.push(record.id)
        sources.push(record.source)
        body.push(
          numberOf(record),
          this.#partitionOf(streamText(record)),
          record.type,
          String(record.time),
          texts[at] as string,
        )
      }
      for (const change of documents) pushDocument(body, change)
    }
    return [
      String(streams.size),
      String(ids.length),
      String(units.length),
      ...streams.keys(),
      ...ids,
      ...sources,
      ...body,
    ]
  }

  #partitionOf(stream: string): string {
    let partition = this.#partitions.get(stream)
    if (partition === undefined) {
      if (this.#partitions.size >= mostStreams) this.#partitions.clear()
      partition = String(partitionOf(stream, this.#options.partitions))
      this.#partitions.set(stream, partition)
    }
    return partition
  }
}

const mostDocumentBytes = 268_435_456

function pushExpectation(body: string[], expectation: Expectation, numberOf: (name: StreamName) => string): void {
  if ('stream' in expectation) body.push('s', numberOf(expectation.stream), String(expectation.version))
  else body.push('d', expectation.collection, expectation.id, String(expectation.version))
}

function pushDocument(body: string[], change: DocumentChange): void {
  const { collection, id } = change
  if ('put' in change) body.push('p', collection, id, change.put, indexText(change.index))
  else body.push('x', collection, id)
}

/** What a document can be found by, as the scripts read it: `[name, 'n' or 't', value]`, sorted, so that equal ones read alike. */
function indexText(index: Readonly<Record<string, string | number>> | undefined): string {
  if (index === undefined) return ''
  const names = Object.keys(index)
  if (names.length === 0) return ''
  return JSON.stringify(
    names.toSorted().map((name) => {
      const value = index[name] as string | number
      return typeof value === 'number'
        ? [name.toWellFormed(), 'n', String(value)]
        : [name.toWellFormed(), 't', value.toWellFormed()]
    }),
  )
}

function badIndex({ index }: { readonly index?: Readonly<Record<string, string | number>> }): string | undefined {
  for (const name in index) {
    const value = index[name]
    if (typeof value === 'number' ? !Number.isFinite(value) : typeof value !== 'string') return name
  }
  return undefined
}

/** Line feeds part what the indexes hold of an event; the separator parts the names of a stream. */
function faultOf({ id, source, tenant, category, key, time }: EventRecord): TidingsError | undefined {
  if (!Number.isFinite(time)) return invalid('time', 'must be a finite number')
  if (id.includes('\n')) return invalid('id', 'must hold no line feed')
  if (source.includes('\n')) return invalid('source', 'must hold no line feed')
  if (tenant.includes(separator) || category.includes(separator) || key.includes(separator))
    return invalid('key', 'must hold no control characters')
  return undefined
}

const separator = '\u001f'

/** Bytes in UTF-8, counted only where the limit is near. */
function sizeOf(text: string, limit: number): number {
  return text.length * 3 > limit ? Buffer.byteLength(text) : text.length
}

function invalid(field: string, rule: string): TidingsError {
  return new TidingsError('TIDINGS_INVALID_EVENT', `\`${field}\` of an event ${rule}.`, { details: { field, rule } })
}

function notFinite(name: string): TidingsError {
  const field = `index.${name.slice(0, 80)}`
  return new TidingsError(
    'TIDINGS_INVALID_OPTION',
    `Expected \`${field}\` of a document to be text or a finite number.`,
    {
      details: { field },
    },
  )
}

function tooLarge(what: string, limit: number): TidingsError {
  return new TidingsError('TIDINGS_TOO_LARGE', `The ${what} is larger than ${limit} bytes as it would be kept.`, {
    details: { field: what, limit },
  })
}

function noSql(): TidingsError {
  return new TidingsError(
    'TIDINGS_NOT_SUPPORTED',
    'Redis runs no SQL; use an SQL store for handlers that write tables.',
    { details: { capability: 'sql' } },
  )
}
