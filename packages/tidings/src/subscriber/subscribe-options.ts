import { type Event, type Priority, priorities } from '../events/event.ts'
import { type Duration, milliseconds } from '../kernel/duration.ts'
import { Mistakes } from '../kernel/mistakes.ts'
import { type Backoff, backoffMistakes } from '../resilience/backoff.ts'
import type { BreakerOptions } from '../resilience/breaker.ts'

/** How one subscription handles what it hears. Everything but `name` has a default. */
export interface SubscribeOptions {
  /** Its name for good: position, marks and parked events are kept under it. Instances with the same name share the work. */
  readonly name: string
  /**
   * `queued`: handled beside the publisher. `inline`: has run in the publisher's process when publish returns, unless an earlier event of its stream
   * waits for a retry or for an operator; then it runs behind that one. Default `queued`.
   */
  readonly mode?: 'queued' | 'inline'
  /**
   * `stream`: events of one stream one after another, streams in parallel. `all`: strictly one at a time over all instances.
   * `none`: no order. Default `stream`.
   */
  readonly order?: 'stream' | 'all' | 'none'
  /** Which subscription goes first when the process has fewer free places than work. Default `normal`. */
  readonly priority?: Priority
  /** Most handlers of this subscription running at once in this process. Default 10. */
  readonly concurrency?: number
  /** How long one attempt may take before it is withdrawn, 1 ms to 24 h. Default 30 s. Shorter than the work itself means every attempt fails. */
  readonly timeout?: Duration
  /** How long the stream waits for a withdrawn handler to notice, before the next attempt starts beside it, at most 24 h. Default 60 s. */
  readonly abandonAfter?: Duration
  readonly retry?: RetryOptions
  /** When failures are taken for those of a dependency, so that nothing runs for a while. */
  readonly breaker?: SubscriptionBreakerOptions
  /**
   * After the last attempt: `park` the event and hold its successors, `skip` it into the dead letters, or `halt` the subscription in this process until
   * an operator resumes it. It halts as soon as it is clear that the event and no dependency is at fault: at a `PermanentError` at once, else when another
   * stream succeeds or nothing else is at work. Default `park`.
   */
  readonly onPoison?: 'park' | 'skip' | 'halt'
  /** Only events for which this holds reach the handler; the others count as handled. Must be pure; one that throws counts as a failing handler. */
  readonly filter?: (event: Event<never>) => boolean
  /**
   * Where a new subscription begins: at the head of the log, which is where it stands when `start` comes for the first time, at its beginning, after a
   * position, or at a time. Default `head`. Later starts resume.
   */
  readonly from?: 'head' | 'beginning' | number | Date
  /** Most events taken in advance. Default 1,000. More needs more memory; less makes batches smaller. */
  readonly window?: number
  /** Most events of one stream that wait parked behind a failed one; at the bound its partition takes nothing new until half of them are gone. Default 10,000. */
  readonly maxParked?: number
  /** Asked every `healthEvery` (default 30 s); false or a throw pauses the subscription until it is well again. */
  readonly healthCheck?: () => boolean | Promise<boolean>
  readonly healthEvery?: Duration
  /** What happens when a subscription of this name was registered with other types or another order. Default `refuse`. */
  readonly onChange?: 'refuse' | 'accept'
  /** `safe`: history may be replayed through it. Default `unsafe`. */
  readonly replay?: 'safe' | 'unsafe'
}

export interface RetryOptions {
  /** All attempts, the first included. Default 3. */
  readonly tries?: number
  /** Waits between attempts: a list whose last repeats, or exponential. Default exponential: 1 s, 2 s, 4 s … up to 5 min, ± 20 %. */
  readonly backoff?: Backoff
  /** Waits up to this long keep the event in memory; longer ones park it with a due time. At most 1 h, default 2 s. */
  readonly parkAbove?: Duration
}

/**
 * When a subscription takes failures for those of a dependency and stops for a while. Failures of one stream alone never open it; an error that says that
 * something cannot be reached opens it at once. Failures that have opened it spend no attempts.
 */
export interface SubscriptionBreakerOptions {
  /** Failures in a row, without a success between, that open it, 1 to 1,000. Default 10. */
  readonly failures?: number
  /** Over at least how many different streams they must lie. Default 5. Fewer means that poisoned events are taken for an outage, and tried for ever. */
  readonly streams?: number
  /** How long nothing runs when it has opened; doubled each time that the attempt after it fails. Default 1 s. */
  readonly coolDown?: Duration
  /** Longest such time, and so about how long after its return a dependency is noticed. Default 10 s. */
  readonly maxCoolDown?: Duration
}

/** The options with every default filled in, times in milliseconds. */
export interface SubscriptionSettings {
  readonly name: string
  readonly mode: 'queued' | 'inline'
  readonly order: 'stream' | 'all' | 'none'
  readonly priority: Priority
  readonly concurrency: number
  readonly timeout: number
  readonly abandonAfter: number
  readonly tries: number
  readonly backoff: RetryOptions['backoff']
  readonly parkAbove: number
  readonly breaker: Required<Omit<BreakerOptions, 'probes'>>
  readonly onPoison: 'park' | 'skip' | 'halt'
  readonly filter: ((event: Event<never>) => boolean) | undefined
  readonly from: 'head' | 'beginning' | number | Date
  readonly window: number
  readonly maxParked: number
  readonly healthCheck: (() => boolean | Promise<boolean>) | undefined
  readonly healthEvery: number
  readonly onChange: 'refuse' | 'accept'
  readonly replay: 'safe' | 'unsafe'
}

const optionNames: Readonly<Record<keyof SubscribeOptions, true>> = {
  name: true,
  mode: true,
  order: true,
  priority: true,
  concurrency: true,
  timeout: true,
  abandonAfter: true,
  retry: true,
  breaker: true,
  onPoison: true,
  filter: true,
  from: true,
  window: true,
  maxParked: true,
  healthCheck: true,
  healthEvery: true,
  onChange: true,
  replay: true,
}

const retryNames: Readonly<Record<keyof RetryOptions, true>> = {
  tries: true,
  backoff: true,
  parkAbove: true,
}

const breakerNames: Readonly<Record<keyof SubscriptionBreakerOptions, true>> = {
  failures: true,
  streams: true,
  coolDown: true,
  maxCoolDown: true,
}

/** Fills in defaults. Throws one `TIDINGS_INVALID_OPTION` that names every mistake, those already `known` first. */
export function subscriptionSettings(options: SubscribeOptions, known: readonly string[] = []): SubscriptionSettings {
  const mistakes = new Mistakes()
  mistakes.found.push(...known)
  mistakes.refuseUnknown(options, optionNames)
  mistakes.refuseUnknown(options.retry, retryNames, 'retry.')
  mistakes.refuseUnknown(options.breaker, breakerNames, 'breaker.')
  const time = (field: string, value: Duration | undefined, fallback: number): number =>
    value === undefined ? fallback : mistakes.read(() => milliseconds(value, field), fallback)
  const order = options.order ?? 'stream'
  const { breaker = {} } = options
  mistakes.expect(typeof breaker === 'object' && breaker !== null, '`breaker` to be an object', breaker)
  const coolDown = time('breaker.coolDown', breaker?.coolDown, 1_000)
  const settings: SubscriptionSettings = {
    name: options.name,
    mode: options.mode ?? 'queued',
    order,
    priority: options.priority ?? 'normal',
    concurrency: order === 'all' ? 1 : (options.concurrency ?? 10),
    timeout: time('timeout', options.timeout, 30_000),
    abandonAfter: time('abandonAfter', options.abandonAfter, 60_000),
    tries: options.retry?.tries ?? 3,
    backoff: options.retry?.backoff,
    parkAbove: time('retry.parkAbove', options.retry?.parkAbove, 2_000),
    breaker: {
      failures: breaker?.failures ?? 10,
      streams: breaker?.streams ?? 5,
      coolDown,
      maxCoolDown: time('breaker.maxCoolDown', breaker?.maxCoolDown, Math.max(10_000, coolDown)),
    },
    onPoison: options.onPoison ?? 'park',
    filter: options.filter,
    from: options.from ?? 'head',
    window: options.window ?? 1_000,
    maxParked: options.maxParked ?? 10_000,
    healthCheck: options.healthCheck,
    healthEvery: time('healthEvery', options.healthEvery, 30_000),
    onChange: options.onChange ?? 'refuse',
    replay: options.replay ?? 'unsafe',
  }
  check(settings, mistakes)
  mistakes.throwAny(`Cannot subscribe ${JSON.stringify(String(options.name).slice(0, 80))}`, { name: options.name })
  return settings
}

const name = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,119}$/

const hour = 3_600_000
const day = 24 * hour

const choices = {
  mode: ['queued', 'inline'],
  order: ['stream', 'all', 'none'],
  priority: priorities,
  onPoison: ['park', 'skip', 'halt'],
  onChange: ['refuse', 'accept'],
  replay: ['safe', 'unsafe'],
} as const

function check(settings: SubscriptionSettings, mistakes: Mistakes): void {
  mistakes.expect(
    typeof settings.name === 'string' && name.test(settings.name),
    '`name` to be 1 to 120 letters, digits, `_`, `.`, `:` or `-`',
    settings.name,
  )
  for (const field of Object.keys(choices) as (keyof typeof choices)[]) {
    const listed: readonly string[] = choices[field]
    mistakes.expect(
      listed.includes(settings[field]),
      `\`${field}\` to be one of '${listed.join("', '")}'`,
      settings[field],
    )
  }
  for (const field of ['concurrency', 'tries', 'window', 'maxParked'] as const) {
    mistakes.expect(
      Number.isSafeInteger(settings[field]) && settings[field] >= 1,
      `\`${field}\` to be a whole number of at least 1`,
      settings[field],
    )
  }
  for (const field of ['timeout', 'healthEvery'] as const)
    mistakes.expect(settings[field] >= 1 && settings[field] <= day, `\`${field}\` to be 1 ms to 24 h`, settings[field])
  mistakes.expect(settings.abandonAfter <= day, '`abandonAfter` to be at most 24 h', settings.abandonAfter)
  mistakes.expect(settings.parkAbove <= hour, '`retry.parkAbove` to be at most 1 h', settings.parkAbove)
  const { failures, streams, coolDown, maxCoolDown } = settings.breaker
  for (const [field, value] of Object.entries({ failures, streams })) {
    mistakes.expect(
      Number.isSafeInteger(value) && value >= 1 && value <= 1_000,
      `\`breaker.${field}\` to be a whole number from 1 to 1,000`,
      value,
    )
  }
  mistakes.expect(
    coolDown >= 1 && coolDown <= maxCoolDown && maxCoolDown <= day,
    '`breaker.coolDown` and `breaker.maxCoolDown` to be 1 ms to 24 h, and the first no longer than the second',
  )
  for (const field of ['filter', 'healthCheck'] as const) {
    mistakes.expect(
      settings[field] === undefined || typeof settings[field] === 'function',
      `\`${field}\` to be a function`,
      settings[field],
    )
  }
  mistakes.expect(isStart(settings.from), "`from` to be 'head', 'beginning', a position or a date", settings.from)
  mistakes.found.push(...backoffMistakes(settings.backoff, 'retry.backoff'))
}

function isStart(from: unknown): boolean {
  if (from instanceof Date) return Number.isFinite(from.getTime())
  return from === 'head' || from === 'beginning' || (Number.isSafeInteger(from) && (from as number) >= 0)
}
