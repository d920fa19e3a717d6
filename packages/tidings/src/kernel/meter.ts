export type Labels = Readonly<Record<string, string>>

/**
 * Where the library counts. Implement it over any metrics client. The library asks for each instrument once and keeps it,
 * so `counter`, `gauge` and `histogram` may be slow; the instruments they return are on the hot path and must not be.
 * Label values are bounded: names of subscriptions, types and outcomes, never ids.
 */
export interface Meter {
  counter(name: string, labels?: Labels): Counter
  /** `read` is called when somebody looks. Asking again with the same name and labels replaces it. */
  gauge(name: string, read: () => number, labels?: Labels): void
  /** Durations are in seconds. */
  histogram(name: string, labels?: Labels): Histogram
}

export interface Counter {
  add(by: number): void
}

export interface Histogram {
  record(value: number): void
}

const nothing = { add() {}, record() {} }

export const silentMeter: Meter = { counter: () => nothing, gauge: () => {}, histogram: () => nothing }
