import { type Duration, milliseconds } from '../../kernel/duration.ts'
import { Mistakes } from '../../kernel/mistakes.ts'

export interface LogTransportOptions {
  /** Time between looks at the log that nobody woke. Default 100 ms; four times as long once ten looks have brought nothing. Longer delays events of other processes where the store's wake-ups fail. */
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

const optionNames: Readonly<Record<keyof LogTransportOptions, true>> = {
  poll: true,
  lease: true,
  window: true,
  page: true,
}

/** Throws one `TIDINGS_INVALID_OPTION` that names all mistakes. */
export function resolveLogOptions(options: LogTransportOptions): ResolvedLogOptions {
  const mistakes = new Mistakes()
  const resolved = readLogOptions(options, mistakes)
  mistakes.throwAny('Cannot read the log')
  return resolved
}

/** The same for whoever gathers mistakes. `place` begins with the name of the object they are in, with its dot. */
export function readLogOptions(options: LogTransportOptions, mistakes: Mistakes, place = ''): ResolvedLogOptions {
  mistakes.refuseUnknown(options, optionNames, place)
  const time = (field: 'poll' | 'lease', least: number): number => {
    const read = mistakes.read(
      () => milliseconds(options[field] ?? defaults[field], `${place}${field}`),
      defaults[field],
    )
    mistakes.expect(read >= least, `\`${place}${field}\` to be at least ${least} ms`, read)
    return read
  }
  const [poll, lease] = [time('poll', 1), time('lease', 100)]
  const { window = defaults.window, page = defaults.page } = options
  mistakes.expect(within(window, 1_048_576), `\`${place}window\` to be a whole number from 1 to 1,048,576`, window)
  mistakes.expect(within(page, 65_536), `\`${place}page\` to be a whole number from 1 to 65,536`, page)
  return { poll, lease, window, page }
}

function within(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= most
}
