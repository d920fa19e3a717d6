const width = 28

/** Tells how far a long run is: a bar that redraws itself on a terminal, a line for each scenario elsewhere. */
export class ProgressBar {
  readonly #total: number
  readonly #began: number = performance.now()
  readonly #terminal: boolean
  #done = 0

  constructor(total: number, terminal: boolean = process.stderr.isTTY === true) {
    this.#total = total
    this.#terminal = terminal
  }

  /** Another scenario begins. */
  begin(title: string): void {
    if (!this.#terminal) process.stderr.write(`${title} …\n`)
  }

  step(what: string): void {
    this.#done = Math.min(this.#total, this.#done + 1)
    if (this.#terminal)
      process.stderr.write(`\r\x1b[2K${barOf(this.#done, this.#total, performance.now() - this.#began, what)}`)
  }

  /** Makes room for output. */
  clear(): void {
    if (this.#terminal) process.stderr.write('\r\x1b[2K')
  }
}

/** One line: how much, how long still, and what is at work. */
export function barOf(done: number, total: number, elapsed: number, what: string): string {
  const share = total === 0 ? 1 : done / total
  const filled = Math.round(share * width)
  const left = done === 0 ? '' : `, about ${Math.ceil(((elapsed / done) * (total - done)) / 1_000)} s left`
  return `[${'█'.repeat(filled)}${'░'.repeat(width - filled)}] ${Math.round(share * 100)}%${left}  ${what}`.slice(
    0,
    110,
  )
}
