import { fingerprintOf } from '../resilience/fingerprint.ts'
import type { DocumentChange, StoredDocument } from '../store/store.ts'
import type { Offset } from '../transport/transport.ts'

/** Collection of events that are set aside. Ids order by subscription, run, stream and offset. */
export const parkedCollection = 'parked'

/**
 * Why an event is set aside. `retry`: it will run again at `due`. `dead`: it failed for good and waits for an operator.
 * `behind`: it waits for one in front of it. `upgrade`: no owner knows its version yet.
 */
export type ParkedState = 'retry' | 'dead' | 'behind' | 'upgrade'

/** One event set aside, as it is stored. Times are milliseconds since 1970. */
export interface ParkedEvent {
  readonly subscription: string
  readonly run: number
  /** See `streamText`. */
  readonly stream: string
  readonly partition: number
  /** Its place in the source; events are read again from there. */
  readonly offset: Offset
  readonly type: string
  readonly eventId: string
  readonly state: ParkedState
  /** Whether its successors wait for it. */
  readonly blocking: boolean
  readonly attempts: number
  readonly parkedAt: number
  readonly firstFailedAt?: number
  readonly lastFailedAt?: number
  /** When it runs again; absent while it waits for somebody. */
  readonly due?: number
  readonly error?: ParkedError
  /** For what stands in no log: the bytes that came, in base64, cut short where they are many; and how many they were. */
  readonly raw?: string
  readonly rawBytes?: number
}

export interface ParkedError {
  readonly name: string
  readonly message: string
  readonly code?: string
  readonly stack?: string
  /** Equal for failures that look alike. */
  readonly fingerprint: string
}

export function parkedId(parked: Pick<ParkedEvent, 'subscription' | 'run' | 'stream' | 'offset'>): string {
  return `${parked.subscription}/${parked.run}/${parked.stream}/${String(parked.offset).padStart(16, '0')}`
}

/** The name under which deliveries of a broker are parked that could not be taken in. Their offsets are the broker's. */
export const inboxName = 'inbox'

/** Whether its offset is a position of the store's log. */
export function isInLog({ subscription }: Pick<ParkedEvent, 'subscription'>): boolean {
  return subscription !== inboxName
}

/** Which partition's owner looks after it. */
export function ownerOf(parked: Pick<ParkedEvent, 'subscription' | 'run' | 'partition'>): string {
  return `${parked.subscription}/${parked.run}/${parked.partition}`
}

export function putParked(parked: ParkedEvent): DocumentChange {
  return {
    collection: parkedCollection,
    id: parkedId(parked),
    put: JSON.stringify(parked),
    index: { owner: ownerOf(parked), subscription: parked.subscription, state: parked.state },
  }
}

export function deleteParked(parked: Pick<ParkedEvent, 'subscription' | 'run' | 'stream' | 'offset'>): DocumentChange {
  return { collection: parkedCollection, id: parkedId(parked), delete: true }
}

export function readParked(document: StoredDocument): ParkedEvent {
  return JSON.parse(document.body) as ParkedEvent
}

/** Longest message and stack that are kept, in characters. */
const longest = 4_000

/** What is kept of an error. Causes are named, not copied. */
export function parkedError(error: unknown): ParkedError {
  const fine =
    error instanceof Error
      ? error
      : new Error(typeof error === 'string' ? error : 'The handler threw something that is no error')
  const code = (fine as { code?: unknown }).code
  return {
    name: fine.name,
    message: fine.message.slice(0, longest),
    ...(typeof code === 'string' ? { code } : {}),
    ...(fine.stack === undefined ? {} : { stack: fine.stack.slice(0, longest) }),
    fingerprint: fingerprintOf(fine).id,
  }
}
