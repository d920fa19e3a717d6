import { type Duration, milliseconds } from '../kernel/duration.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { Stamp } from '../prepare/prepare.ts'

/** What may be said of one publish, beside what is said of the event itself. */
export interface PublishOptions extends Stamp {
  /** The version the stream must stand at, 0 for none yet; else the call rejects with `TIDINGS_CONFLICT` and nothing is written. */
  readonly expectedVersion?: number
  /** Two publishes with the same key (per tenant and type) within the window are one event; the later learns of which. */
  readonly dedupKey?: string
  /** How long to wait for a place under the rate limit or for a store that is away. Default 30 s. Then `TIDINGS_RATE_LIMITED` or the store's own error. */
  readonly deadline?: Duration
  /**
   * What publish waits for. `store`: that the event is stored here. `broker`: that the broker has it, too; after `deadline` it rejects with
   * `TIDINGS_DEADLINE`, though the event is stored and the relay goes on trying. Default `store`.
   */
  readonly settle?: 'store' | 'broker'
}

/** How a bus publishes. */
export interface PublishSettings {
  /** Largest encoded data of one event, in bytes. Default 1,048,576. Larger is refused with `TIDINGS_TOO_LARGE`. */
  readonly maxBytes: number
  /** Data above this many bytes is compressed; undefined: never. */
  readonly compressAbove: number | undefined
  /** Signs a checksum; undefined: events carry no seal. */
  readonly seal: ((checksum: string) => string) | undefined
  /** Events a second; undefined: no limit. Critical events pass without waiting, but count. */
  readonly rate: number | undefined
  /** Most publishes that wait for their turn under the rate limit. */
  readonly rateQueue: number
  /** Window of `dedup`, in milliseconds. */
  readonly dedupWindow: number
  /** All attempts to commit. */
  readonly tries: number
  /** First wait between them, in milliseconds; doubled each time, with jitter. */
  readonly retryDelay: number
}

export const publishDefaults: PublishSettings = Object.freeze({
  maxBytes: 1_048_576,
  compressAbove: undefined,
  seal: undefined,
  rate: undefined,
  rateQueue: 10_000,
  dedupWindow: 3_600_000,
  tries: 3,
  retryDelay: 1_000,
})

/** Throws `TIDINGS_INVALID_OPTION` naming the option. What is said of the event itself is checked with the event. */
export function checkPublishOptions(options: PublishOptions): void {
  if (typeof options !== 'object' || options === null) throw invalid('options', 'to be an object')
  const { expectedVersion, dedupKey, deadline, settle } = options
  if (expectedVersion !== undefined && !(Number.isSafeInteger(expectedVersion) && expectedVersion >= 0))
    throw invalid('expectedVersion', 'to be a whole number of at least 0')
  if (dedupKey !== undefined && !(typeof dedupKey === 'string' && dedupKey.length > 0))
    throw invalid('dedupKey', 'to be text that is not empty')
  if (deadline !== undefined) milliseconds(deadline, 'deadline')
  if (settle !== undefined && settle !== 'store' && settle !== 'broker')
    throw invalid('settle', "to be 'store' or 'broker'")
}

function invalid(field: string, rule: string): TidingsError {
  return new TidingsError('TIDINGS_INVALID_OPTION', `Expected \`${field}\` ${rule}.`, { details: { field } })
}
