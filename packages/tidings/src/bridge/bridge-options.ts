import type { Duration } from '../kernel/duration.ts'

/** How events of this service reach the broker. */
export interface RelayOptions {
  /** Where the relay begins when a store is relayed for the first time: with what is published from then on, or with the whole log. Default `head`. */
  readonly from?: 'head' | 'beginning'
  /** Most events on their way to the broker at once, each of another stream. Default 1,000. */
  readonly concurrency?: number
  /** Most events handed over in one call. Default 500. */
  readonly batch?: number
  /** Most calls under way at once. Default 4. */
  readonly flights?: number
  /** How long one call may take before it is given up and its events are tried again. Default 30 s. */
  readonly patience?: Duration
  /** What an event does to its stream that the broker refuses for good: `park` holds its successors, `skip` lets them pass, `halt` stops the relay. Default `park`. */
  readonly onPoison?: 'park' | 'skip' | 'halt'
}

/** How events of other services reach this one. */
export interface InboxOptions {
  /** Where the group begins when the broker has not seen it before: with what comes from then on, or with all it still holds. Default `head`. A broker without a past has no choice. */
  readonly from?: 'head' | 'beginning'
  /** Most events taken from the broker in advance; fewer where events are large. Default 1,000. */
  readonly window?: number
  /** Most events stored by one commit. Default 500. */
  readonly batch?: number
}
