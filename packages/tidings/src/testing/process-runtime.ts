import type { Runtime, Timer } from '../kernel/runtime.ts'

/**
 * One process in a shared virtual time, as its operating system might treat it: it may be stopped and go on later, die without a
 * word, or have its wall clock moved. Time goes on for the others meanwhile.
 */
export interface ProcessRuntime extends Runtime {
  readonly state: 'running' | 'stopped' | 'dead'
  /** Stands still: nothing runs until `resume`. What fell due meanwhile runs then, at once and in order. */
  stop(): void
  resume(): void
  /** For good. */
  die(): void
  /** Moves this process's wall clock alone, by milliseconds. */
  jump(by: number): void
  /** Undefined while it runs; else resolves when it goes on, which a dead one never does. Answers from outside wait for it. */
  gate(): Promise<void> | undefined
  /** What goes on whatever becomes of this process. */
  readonly outside: Runtime
}

export function isProcessRuntime(runtime: Runtime): runtime is ProcessRuntime {
  return 'gate' in runtime
}

export function processRuntime(outside: Runtime): ProcessRuntime {
  let state: ProcessRuntime['state'] = 'running'
  let wall = 0
  let held: (() => void)[] = []
  let going: PromiseWithResolvers<void> | undefined

  const admit = (run: () => void): void => {
    if (state === 'running') run()
    else if (state === 'stopped') held.push(run)
  }

  const setTimer = (ms: number, run: () => void): Timer => {
    let cancelled = false
    const timer = outside.setTimer(ms, () => admit(() => void (cancelled || run())))
    return {
      cancel() {
        cancelled = true
        timer.cancel()
      },
    }
  }

  return {
    now: () => outside.now() + wall,
    monotonic: () => outside.monotonic(),
    random: () => outside.random(),
    id: (ms) => outside.id(ms ?? outside.now() + wall),
    lag: () => outside.lag(),
    setTimer,
    defer: (run) => outside.defer(() => admit(run)),
    outside,
    get state() {
      return state
    },
    stop() {
      if (state === 'running') state = 'stopped'
    },
    resume() {
      if (state !== 'stopped') return
      state = 'running'
      const due = held
      held = []
      const release = going
      going = undefined
      // In a turn of their own each, as the system would hand them out; one of them may stop or end the process again.
      for (const run of due) outside.defer(() => admit(run))
      release?.resolve()
    },
    die() {
      state = 'dead'
      held = []
      going = undefined
    },
    jump(by) {
      wall += by
    },
    gate() {
      if (state === 'running') return undefined
      going ??= Promise.withResolvers<void>()
      return going.promise
    },
  }
}
