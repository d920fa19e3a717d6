import { hash } from 'node:crypto'
import type { EventRecord } from '../events/record.ts'
import { contextOf } from '../events/record-codec.ts'

/** Where data is that was kept apart, and how it is wrapped there. */
export interface Claim {
  /** SHA-256 of the bytes, in base64url. */
  readonly id: string
  readonly bytes: number
  /** As `encoding` of a record. */
  readonly encoding: string
}

const scheme = 'tidings-payload:'

const written = /^tidings-payload:([A-Za-z0-9_-]{43})\?bytes=(\d{1,15})(?:&encoding=(gzip|zstd))?$/

/** The name of bytes among payloads. */
export function payloadId(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'base64url')
}

/** A claim as CloudEvents carry it, in the attribute `dataref`. */
export function datarefOf({ id, bytes, encoding }: Claim): string {
  return `${scheme}${id}?bytes=${bytes}${encoding === '' ? '' : `&encoding=${encoding}`}`
}

/** The claim of a record whose data was kept apart; undefined of all others, at next to no cost. Throws `TIDINGS_UNDECODABLE` where its context is broken. */
export function claimOf(record: EventRecord): Claim | undefined {
  if (record.data !== '' || !record.context.includes(scheme)) return undefined
  const dataref = contextOf(record).extensions?.dataref
  const [, id, bytes, encoding = ''] = (typeof dataref === 'string' ? written.exec(dataref) : null) ?? []
  return id === undefined ? undefined : { id, bytes: Number(bytes), encoding }
}
