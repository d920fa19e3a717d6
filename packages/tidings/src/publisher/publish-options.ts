import { type Duration, milliseconds } from '../kernel/duration.ts'
import { TidingsError } from '../kernel/errors.ts'
import { nameGuard } from '../kernel/mistakes.ts'
import type { PayloadStore } from '../payloads/payload-store.ts'
import { attribute } from '../prepare/attributes.ts'
import type { Stamp } from '../prepare/prepare.ts'
import { stampNames } from '../prepare/stamp-names.ts'

/** What may be said of one publish, beside what is said of the event itself. */
export interface PublishOptions extends Stamp {
  /** The version the stream must stand at, 0 for none yet; else the call rejects with `TIDINGS_CONFLICT` and nothing is written. A batch must be of one stream. */
  readonly expectedVersion?: number
  /**
   * The same of several streams, one version each, for a batch that writes to more than one; all hold, or nothing is written. A stream that is only read
   * may be named, too. Either this or `expectedVersion`. At most 1,000.
   */
  readonly expect?: readonly ExpectedStream[]
  /** Ids for the events of a batch, in its order, so that repeating the batch is harmless; see `id`. */
  readonly ids?: readonly string[]
  /** Two publishes with the same key (per tenant and type) within the window are one event; the later learns of which. */
  readonly dedupKey?: string
  /** How long to wait for a place under the rate limit or for a store that is away. Default 30 s. Then `TIDINGS_RATE_LIMITED` or the store's own error. */
  readonly deadline?: Duration
  /**
   * What publish waits for. `store`: that the event is stored here. `broker`: that the broker has it, too; after `deadline` it rejects with
   * `TIDINGS_DEADLINE`, though the event is stored and the relay goes on trying. Default `store`.
   */
  readonly settle?: 'store' | 'broker'
  /** Publish it so much later, on whichever instance runs by then. Kept in the store meanwhile; `bus.timers.cancel` takes it back. Either this or `at`. */
  readonly delay?: Duration
  /** Publish it at this time of the wall clock, a date or milliseconds since 1970; at once where that has passed. */
  readonly at?: Date | number
}

/** A stream, and the version it must stand at. */
export interface ExpectedStream {
  readonly category: string
  readonly key: string
  /** Default: that of the batch's first event. Empty text for streams of no tenant. */
  readonly tenantId?: string
  /** 0 for no event yet. */
  readonly version: number
}

/** How a bus publishes. */
export interface PublishSettings {
  /** Largest encoded data of one event, in bytes. Default 1,048,576. Larger is refused with `TIDINGS_TOO_LARGE`. */
  readonly maxBytes: number
  /** Data above this many bytes is compressed; undefined: never. */
  readonly compressAbove: number | undefined
  /** Data above this many bytes is kept apart from its event, in `payloads`; undefined: never. */
  readonly claimAbove: number | undefined
  readonly payloads: PayloadStore | undefined
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
  claimAbove: undefined,
  payloads: undefined,
  seal: undefined,
  rate: undefined,
  rateQueue: 10_000,
  dedupWindow: 3_600_000,
  tries: 3,
  retryDelay: 1_000,
})

const optionNames: Readonly<Record<keyof PublishOptions, true>> = Object.freeze({
  ...stampNames,
  expectedVersion: true,
  expect: true,
  ids: true,
  dedupKey: true,
  deadline: true,
  settle: true,
  delay: true,
  at: true,
})

const refuseUnknown = nameGuard(optionNames)

const streamNames: Readonly<Record<keyof ExpectedStream, true>> = Object.freeze({
  category: true,
  key: true,
  tenantId: true,
  version: true,
})

const refuseUnknownOfStream = nameGuard(streamNames)

/** Throws `TIDINGS_INVALID_OPTION` naming the option. What is said of the event itself is checked with the event. */
export function checkPublishOptions(options: PublishOptions): void {
  if (typeof options !== 'object' || options === null) throw invalid('options', 'to be an object')
  refuseUnknown('Cannot publish', options)
  const { expectedVersion, expect, ids, dedupKey, deadline, settle, delay, at } = options
  if (expectedVersion !== undefined && !isVersion(expectedVersion))
    throw invalid('expectedVersion', 'to be a whole number of at least 0')
  if (expect !== undefined) checkExpected(expect, expectedVersion)
  if (ids !== undefined && !(Array.isArray(ids) && options.id === undefined && new Set(ids).size === ids.length))
    throw invalid('ids', 'to be a list of different ids, and to stand without `id`')
  if (dedupKey !== undefined && !(typeof dedupKey === 'string' && dedupKey.length > 0))
    throw invalid('dedupKey', 'to be text that is not empty')
  if (deadline !== undefined) milliseconds(deadline, 'deadline')
  if (delay !== undefined && at !== undefined) throw invalid('delay', 'or `at`, not both')
  if (delay !== undefined && milliseconds(delay, 'delay') > longestDelay)
    throw invalid('delay', 'to be at most 10 years')
  if (at !== undefined && !isTime(at))
    throw invalid('at', 'to be a date or whole milliseconds since 1970, before the year 10000')
  if (settle !== undefined && settle !== 'store' && settle !== 'broker')
    throw invalid('settle', "to be 'store' or 'broker'")
}

/** Most streams one publish may expect something of. */
const mostExpected = 1_000

function checkExpected(expect: unknown, expectedVersion: number | undefined): void {
  if (expectedVersion !== undefined) throw invalid('expect', 'or `expectedVersion`, not both')
  if (!Array.isArray(expect) || expect.length > mostExpected)
    throw invalid('expect', `to be a list of at most ${mostExpected} streams with their versions`)
  for (const [at, one] of (expect as readonly (Partial<ExpectedStream> | null | undefined)[]).entries()) {
    refuseUnknownOfStream('Cannot publish', one, `expect[${at}].`)
    attribute(`expect[${at}].category`, one?.category)
    attribute(`expect[${at}].key`, one?.key)
    if (one?.tenantId !== undefined && one.tenantId !== '') attribute(`expect[${at}].tenantId`, one.tenantId)
    if (!isVersion(one?.version)) throw invalid(`expect[${at}].version`, 'to be a whole number of at least 0')
  }
}

function isVersion(version: unknown): boolean {
  return Number.isSafeInteger(version) && (version as number) >= 0
}

const longestDelay = 10 * 366 * 86_400_000
/** Before the year 10000, which RFC 3339 cannot write. */
const endOfTime = 253_402_300_800_000

function isTime(at: unknown): boolean {
  const time = at instanceof Date ? at.getTime() : at
  return typeof time === 'number' && Number.isSafeInteger(time) && time >= 0 && time < endOfTime
}

function invalid(field: string, rule: string): TidingsError {
  return new TidingsError('TIDINGS_INVALID_OPTION', `Expected \`${field}\` ${rule}.`, { details: { field } })
}
