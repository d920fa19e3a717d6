import { realpathSync } from 'node:fs'

interface Waiting {
  readonly enter: () => void
  gone: boolean
}

/**
 * Who may write to a file, in this process: one at a time, in order of asking. Whoever finds it free and does all its work
 * without leaving the turn need not enter.
 */
export class Gate {
  #held = false
  #waiting: Waiting[] = []

  get free(): boolean {
    return !this.#held
  }

  /** Resolves with how to leave (idempotent), or rejects with the signal's reason. */
  async enter(signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted()
    if (this.#held) await this.#turn(signal)
    this.#held = true
    let left = false
    return () => {
      if (left) return
      left = true
      this.#leave()
    }
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        waiting.gone = true
        reject(signal?.reason as Error)
      }
      const waiting: Waiting = {
        gone: false,
        enter: () => {
          signal?.removeEventListener('abort', abort)
          resolve()
        },
      }
      signal?.addEventListener('abort', abort, { once: true })
      this.#waiting.push(waiting)
    })
  }

  // The gate stays held while it is handed over, so that nobody slips in between.
  #leave(): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (next.gone) continue
      next.enter()
      return
    }
    this.#held = false
  }
}

const gates = new Map<string, { readonly gate: Gate; users: number }>()

/** The gate of a file, the same for every store of this process that has it open; `release` when closed. A database in memory has its own. */
export function gateOf(path: string): { readonly gate: Gate; readonly release: () => void } {
  if (path === ':memory:') return { gate: new Gate(), release: () => {} }
  const name = realpathSync(path)
  const shared = gates.get(name) ?? { gate: new Gate(), users: 0 }
  gates.set(name, shared)
  shared.users++
  return {
    gate: shared.gate,
    release: () => {
      if (--shared.users === 0) gates.delete(name)
    },
  }
}
