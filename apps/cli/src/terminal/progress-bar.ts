import type { Output } from './output.ts'
import { cyan, dim, line } from './text.ts'

/** Least time between two drawings, in milliseconds. */
const every = 100
const size = 30

/**
 * One line that says how far something is, drawn over itself on a terminal and nowhere else. It reads no keys and handles no signals: standard input
 * may be the very file that is being read, and an interrupt belongs to the command.
 */
export class ProgressBar {
  readonly #output: Output
  readonly #monotonic: () => number
  #drawn = Number.NEGATIVE_INFINITY
  #shown = false

  constructor(output: Output, monotonic: () => number) {
    this.#output = output
    this.#monotonic = monotonic
  }

  /** `share` from 0 to 1; undefined where the whole is not known. `says` is asked only when the bar is drawn. */
  show(share: number | undefined, says: () => string): void {
    if (!this.#output.terminal) return
    const now = this.#monotonic()
    if (now - this.#drawn < every) return
    this.#drawn = now
    this.#shown = true
    const full = share === undefined ? 0 : Math.round(Math.min(1, Math.max(0, share)) * size)
    const bar =
      share === undefined
        ? line``
        : line`${cyan('━'.repeat(full))}${dim('━'.repeat(size - full))} ${String(Math.floor(share * 100)).padStart(3)} % `
    this.#output.draw(`\r\x1b[K${line`${bar}${says()}`.cut(this.#output.columns - 1).render(this.#output.colours)}`)
  }

  /** Takes the line away, so that others can be written. */
  clear(): void {
    if (!this.#shown) return
    this.#shown = false
    this.#drawn = Number.NEGATIVE_INFINITY
    this.#output.draw('\r\x1b[K')
  }
}
