import { hash } from 'node:crypto'

export type RowType = 'stream' | 'document' | 'entry' | 'absent' | 'event'

/** What a store's relations and functions are called, quoted and with their schema. */
export interface Relations {
  /** As named, unquoted. */
  readonly schemaName: string
  readonly tableName: string
  /** Of the table that keeps the version, unquoted. */
  readonly storeName: string
  readonly schema: string
  readonly events: string
  readonly documents: string
  readonly documentIndex: string
  readonly prunedStreams: string
  readonly store: string
  readonly deadLetters: string
  readonly commitUnits: string
  readonly parkedField: string
  /** Rows that calls of `commitUnits` bring along. */
  readonly types: Readonly<Record<RowType, string>>
  /** For indexes and sequences, which live in the schema of their table. */
  index(name: string): string
  /** Keys of the advisory locks under which writers append and processes migrate: signed 64-bit, as text. */
  readonly appendLock: string
  readonly migrateLock: string
  /** Where commits are announced. */
  readonly channel: string
}

/** Of the default table: `events`, `documents`, … Of any other: that name, and `<name>_documents`, …; so that stores can share a schema. */
export function relationsOf(schemaName: string, tableName: string): Relations {
  const named = (name: string): string => (tableName === 'events' ? name : `${tableName}_${name}`)
  const within = (name: string): string => `${quote(schemaName)}.${quote(name)}`
  const identity = `tidings\n${schemaName}\n${tableName}`
  return {
    schemaName,
    tableName,
    storeName: named('store'),
    schema: quote(schemaName),
    events: within(tableName),
    documents: within(named('documents')),
    documentIndex: within(named('document_index')),
    prunedStreams: within(named('pruned_streams')),
    store: within(named('store')),
    deadLetters: within(named('dead_letter_queue')),
    commitUnits: within(named('commit_units')),
    parkedField: within(named('parked_field')),
    types: {
      stream: within(named('commit_stream')),
      document: within(named('commit_document')),
      entry: within(named('commit_entry')),
      absent: within(named('commit_absent')),
      event: within(named('commit_event')),
    },
    index: (name) => quote(tableName === 'events' ? name : `${tableName}_${name}`),
    appendLock: lockKey(`append\n${identity}`),
    migrateLock: lockKey(`migrate\n${schemaName}`),
    channel: `tidings_${hash('sha256', identity).slice(0, 32)}`,
  }
}

export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function lockKey(text: string): string {
  return hash('sha256', text, 'buffer').readBigInt64BE(0).toString()
}
