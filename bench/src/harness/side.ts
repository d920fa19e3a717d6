/** One of those that are compared, at work in its own process. */
export interface Side {
  /**
   * Publishes one event. What it returns is awaited by the caller; undefined where there is nothing to await.
   * `at` numbers all events of the process.
   */
  one?(at: number): PromiseLike<unknown> | undefined
  /** Publishes `count` events at once. */
  batch?(from: number, count: number): PromiseLike<unknown> | undefined
  /** How many events the handler has finished with, or the store has confirmed; compared with what was published. */
  seen(): number
  /** From now on tells of each event that is handled, by its key. */
  hears?(handled: (key: string) => void): void
  /** Resolves when `total` events, counted since the process began, are handled and whatever else belongs on the clock is done. */
  finished?(total: number): PromiseLike<unknown>
  /** Between rounds, off the clock. */
  rest?(): PromiseLike<unknown> | undefined
  /** Measures by itself, once, for footprints. */
  measure?(events: number): PromiseLike<number>
  close?(): PromiseLike<unknown> | undefined
}

export interface SideHost {
  /** An empty folder of this process, removed afterwards. */
  readonly folder: string
  /** Of the scenario, kept over its processes. */
  readonly sharedFolder: string
  readonly options: Readonly<Record<string, string | number | boolean>>
}

export type OpenSide = (host: SideHost) => Promise<Side>
