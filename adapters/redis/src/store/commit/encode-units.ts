import { type EventRecord, type StreamName, TidingsError, type Unit } from 'tidings/spi'

import { eventText } from '../../events/event-text.ts'
import { plainEventText } from '../../events/plain-event-text.ts'
import { type NamedStream, StreamNames } from './stream-names.ts'

/** A unit that may go to the server, in the form that `commitScript` reads. */
export interface EncodedUnit {
  readonly unit: Unit
  readonly texts: readonly string[]
  readonly bytes: number
  /** Of its events. */
  readonly largest: number
}

export interface EncodeOptions {
  readonly partitions: number
  readonly maxBytes: number
}

/** Turns units into arguments of the commit script. */
export class UnitEncoder {
  readonly #options: EncodeOptions
  readonly #streams: StreamNames
  #calls = 0

  constructor(options: EncodeOptions) {
    this.#options = options
    this.#streams = new StreamNames(options.partitions)
  }

  /** What the unit would write; a coded error where it can never be written. */
  prepare(unit: Unit): EncodedUnit | TidingsError {
    if (unit.statements !== undefined && unit.statements.length > 0) return noSql()
    const { append = [], documents = [] } = unit
    const texts = new Array<string>(append.length)
    let bytes = 100
    let largest = 0
    for (let at = 0; at < append.length; at++) {
      const record = append[at] as EventRecord
      let text = plainEventText(record)
      if (text === undefined) {
        const fault = faultOf(record)
        if (fault !== undefined) return fault
        text = eventText(record)
      }
      texts[at] = text
      const size = sizeOf(text, this.#options.maxBytes)
      if (size > this.#options.maxBytes) return tooLarge('event', this.#options.maxBytes)
      bytes += size + 300
      if (size > largest) largest = size
    }
    for (const change of documents) {
      if (!('put' in change)) continue
      const size = sizeOf(change.put, mostDocumentBytes)
      if (size > mostDocumentBytes) return tooLarge('document', mostDocumentBytes)
      const name = badIndex(change)
      if (name !== undefined) return notFinite(name)
      bytes += size + 300
    }
    return { unit, texts, bytes, largest }
  }

  /** The plan and the texts of units. */
  args(units: readonly EncodedUnit[]): string[] {
    const call = ++this.#calls
    const streams: string[] = []
    const sources: string[] = []
    const ids: string[] = []
    const texts: string[] = []
    const simple = units.every(isOneEvent)
    const plan: number[] = []
    /** Ids that others may have used: those drawn for this very call cannot be among them. */
    const shared = new Set<string>()
    let twice = 0
    let most = 0
    const numbered = (name: StreamName): NamedStream => {
      const stream = this.#streams.find(name)
      if (stream.call !== call) {
        stream.call = call
        stream.number = streams.push(stream.text)
      }
      return stream
    }
    for (const { unit, texts: events, largest } of units) {
      if (largest > most) most = largest
      const { expect = none, append = none, documents = none } = unit
      if (expect.length + documents.length > 0) plan.push(-append.length - 1, expect.length, documents.length)
      else if (!simple) plan.push(append.length)
      for (const expectation of expect) {
        if ('stream' in expectation) plan.push(1, numbered(expectation.stream).number, expectation.version)
        else {
          plan.push(2, expectation.version)
          texts.push(expectation.collection, expectation.id)
        }
      }
      for (let at = 0; at < append.length; at++) {
        const record = append[at] as EventRecord
        const { id, source } = record
        const stream = numbered(record)
        if (record.fresh !== true) {
          if (shared.has(id)) twice = 1
          shared.add(id)
        }
        ids.push(id)
        plan.push(stream.number, numberIn(sources, source))
        texts.push(`${stream.partition} ${record.time} ${stream.text} `, events[at] as string)
      }
      for (const change of documents) {
        plan.push('put' in change ? 1 : 2)
        texts.push(change.collection, change.id)
        if ('put' in change) texts.push(change.put, indexText(change.index))
      }
    }
    const head = [streams.length, sources.length, ids.length, units.length, twice, simple ? 1 : 0, most]
    return [`[${head.join()}${plan.length === 0 ? '' : `,${plan.join()}`}]`].concat(streams, sources, ids, texts)
  }
}

const mostDocumentBytes = 268_435_456

const none: readonly never[] = Object.freeze([])

function isOneEvent({ unit }: EncodedUnit): boolean {
  const { expect = none, append = none, documents = none } = unit
  return append.length === 1 && expect.length + documents.length === 0
}

/** The number of a text among those named before, from 1. Sources are few, and most often the last one comes again. */
function numberIn(texts: string[], text: string): number {
  if (texts.at(-1) === text) return texts.length
  const at = texts.indexOf(text)
  return at === -1 ? texts.push(text) : at + 1
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

/** Line feeds part what the indexes hold of an event; the separator parts the names of a stream. Plain events hold neither. */
function faultOf({ id, source, tenant, category, key, time }: EventRecord): TidingsError | undefined {
  if (!Number.isFinite(time)) return invalid('time', 'must be a finite number')
  if (id.includes('\n')) return invalid('id', 'must hold no line feed')
  if (source.includes('\n')) return invalid('source', 'must hold no line feed')
  for (const [field, text] of Object.entries({ tenant, category, key }))
    if (text.includes(separator)) return invalid(field, 'must hold no control characters')
  for (const [field, text] of Object.entries({ id, source, tenant, category, key }))
    if (!text.isWellFormed()) return invalid(field, 'must be well-formed Unicode')
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
