import { type Duration, milliseconds } from '../../kernel/duration.ts'
import { TidingsError } from '../../kernel/errors.ts'

export interface LogTransportOptions {
  /** Time between looks at the log that nobody woke. Default 100 ms. Longer delays events of other processes where the store's wake-ups fail. */
  readonly poll?: Duration
  /**
   * How long an instance that gives no sign of life keeps its partitions; it gives one three times as often. Default 5 s.
   * Shorter takes over sooner and costs more writes; below the pauses of a busy process, partitions wander needlessly.
   */
  readonly lease?: Duration
  /** Recent events kept in memory for all consumers near the head of the log, 1 to 1,048,576. Default 2,048. */
  readonly window?: number
  /** Events read at a time, 1 to 65,536. Default 512. Each consumer that is behind holds one such page. */
  readonly page?: number
}

const defaults = Object.freeze({ poll: 100, lease: 5_000, window: 2_048, page: 512 })

export interface ResolvedLogOptions {
  readonly poll: number
  readonly lease: number
  readonly window: number
  readonly page: number
}

/** Throws one TIDINGS_INVALID_OPTION that names all mistakes. */
export function resolveLogOptions(options: LogTransportOptions): ResolvedLogOptions {
  const poll = milliseconds(options.poll ?? defaults.poll, 'poll')
  const lease = milliseconds(options.lease ?? defaults.lease, 'lease')
  const { window = defaults.window, page = defaults.page } = options
  const wrong = [
    ...(poll >= 1 ? [] : ['`poll` to be at least 1 ms']),
    ...(lease >= 100 ? [] : ['`lease` to be at least 100 ms']),
    ...(within(window, 1_048_576) ? [] : ['`window` to be a whole number from 1 to 1,048,576']),
    ...(within(page, 65_536) ? [] : ['`page` to be a whole number from 1 to 65,536']),
  ]
  if (wrong.length > 0) throw new TidingsError('TIDINGS_INVALID_OPTION', `Expected ${wrong.join(', and ')}.`)
  return { poll, lease, window, page }
}

function within(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= most
}
