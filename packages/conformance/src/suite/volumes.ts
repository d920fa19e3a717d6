export type Size = 'quick' | 'full' | 'soak'

/** How much each case does. `quick` stays below five seconds a backend; `full` is for nights, `soak` for weekends. */
export interface Volumes {
  /** How often the whole suite runs, each time with another seed. */
  readonly rounds: number
  /** Events of a case that needs many. */
  readonly events: number
  /** Writers that compete for one stream. */
  readonly writers: number
  /** How often each of them tries. */
  readonly attempts: number
  /** Documents of a case that needs many. */
  readonly documents: number
  /** Bytes of a large event. */
  readonly largeBytes: number
  /** Milliseconds until a case that waits for something gives up. */
  readonly patience: number
  /** Milliseconds that a case may take in all. */
  readonly deadline: number
}

const table: Readonly<Record<Size, Volumes>> = {
  quick: {
    rounds: 1,
    events: 300,
    writers: 50,
    attempts: 4,
    documents: 200,
    largeBytes: 262_144,
    patience: 5_000,
    deadline: 40_000,
  },
  full: {
    rounds: 3,
    events: 5_000,
    writers: 50,
    attempts: 40,
    documents: 3_000,
    largeBytes: 1_000_000,
    patience: 20_000,
    deadline: 300_000,
  },
  soak: {
    rounds: 25,
    events: 20_000,
    writers: 100,
    attempts: 100,
    documents: 20_000,
    largeBytes: 8_000_000,
    patience: 60_000,
    deadline: 1_800_000,
  },
}

/** The size that TIDINGS_CONFORMANCE names: `quick` (default), `full` or `soak`. */
export function sizeFrom(env: Readonly<Record<string, string | undefined>> = process.env): Size {
  const named = env['TIDINGS_CONFORMANCE'] ?? 'quick'
  if (Object.hasOwn(table, named)) return named as Size
  throw new Error(`Expected TIDINGS_CONFORMANCE to be quick, full or soak, got ${JSON.stringify(named)}.`)
}

export function volumesOf(size: Size): Volumes {
  return table[size]
}
