import type { DatabaseSync } from 'node:sqlite'

import { checksumOf, isTidingsError, type Page, type Position, partitionOf, type StoredEvent } from 'tidings/spi'

import { headOf, headStatement } from '../log/log-writer.ts'
import { LogReader } from '../log/read-all.ts'
import { StoredEvents } from '../log/stored-events.ts'
import type { Findings } from './findings.ts'

const page = 500

/** Reads every event and compares it with its checksum and its stream. Yields after each page with the place reached. */
export function* inspectEvents(
  db: DatabaseSync,
  partitions: number,
  findings: Findings,
): Generator<{ readonly done: Position; readonly total: Position; readonly rows: number }> {
  const log = new LogReader(db, new StoredEvents(db))
  const total = headOf(headStatement(db))
  let events = 0
  for (let after = 0; after < total; ) {
    const read = readPage(log, after, total, findings)
    for (const stored of read.events) inspectEvent(stored, partitions, findings)
    events += read.events.length
    after = read.through
    yield { done: after, total, rows: events }
  }
}

/** Passes over what cannot be read. */
function readPage(log: LogReader, after: Position, total: Position, findings: Findings): Page {
  try {
    return log.read({ after, limit: page })
  } catch (error) {
    if (!isTidingsError(error, 'TIDINGS_STORE_CORRUPT')) throw error
    const { position = after + 1, next } = error.details as { readonly position?: Position; readonly next?: Position }
    const through = next === undefined ? (error.cause === undefined ? position : total) : next - 1
    const row = through > position ? `positions ${position} to ${through}` : `position ${position}`
    findings.add('unreadable', 'tidings_events', row, error.message)
    return { events: [], through: Math.max(through, position) }
  }
}

function inspectEvent(
  { record, position, partition, stream }: StoredEvent,
  partitions: number,
  findings: Findings,
): void {
  const row = `position ${position}`
  if (checksumOf(record) !== record.checksum) {
    findings.add(
      'checksum',
      'tidings_events',
      row,
      'The event differs from what was written: its checksum does not fit.',
    )
  }
  if (partition !== partitionOf(stream, partitions)) {
    findings.add(
      'partition',
      'tidings_events',
      row,
      `The event stands in partition ${partition}, its stream in another.`,
    )
  }
}
