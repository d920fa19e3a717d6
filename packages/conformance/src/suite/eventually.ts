import { setTimeout as pause } from 'node:timers/promises'

export interface Patience {
  /** Milliseconds until it gives up. */
  readonly deadline: number
  /** Moves a virtual clock; without it real time passes. */
  readonly advance?: ((ms: number) => Promise<void>) | undefined
}

const between = 5

/**
 * Looks again and again until `check` neither throws nor returns false; at the deadline it throws what the last look threw.
 * Nothing is ever assumed to have happened because time has passed.
 */
export async function eventually(check: () => unknown, { deadline, advance }: Patience): Promise<void> {
  for (let waited = 0, began = performance.now(); ; ) {
    let failure: unknown
    try {
      if ((await check()) !== false) return
      failure = new Error('What was waited for did not happen.')
    } catch (error) {
      failure = error
    }
    if ((advance === undefined ? performance.now() - began : waited) >= deadline) throw failure
    if (advance === undefined) await pause(between)
    else await advance(between * 4)
    waited += between * 4
  }
}

/** Lets time pass to see that something does not happen: throws as soon as `wrong` returns true. */
export async function never(wrong: () => boolean, what: string, { deadline, advance }: Patience): Promise<void> {
  for (let waited = 0, began = performance.now(); ; ) {
    if (wrong()) throw new Error(what)
    if ((advance === undefined ? performance.now() - began : waited) >= deadline) return
    if (advance === undefined) await pause(between)
    else await advance(between * 4)
    waited += between * 4
  }
}

/** Waits for a promise while time moves; at the deadline it throws, naming what never ended. */
export async function settled<T>(work: Promise<T>, what: string, patience: Patience): Promise<T> {
  let over = false
  const end = (): void => void (over = true)
  work.then(end, end)
  await eventually(() => {
    if (!over) throw new Error(`${what} did not end.`)
  }, patience)
  return work
}
