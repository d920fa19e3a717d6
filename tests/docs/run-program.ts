import { type ChildProcess, spawn } from 'node:child_process'

/** A program of the docs, running. */
export interface RunningProgram {
  readonly child: ChildProcess
  /** Everything it has written so far, errors included. */
  readonly output: () => string
  /** Resolves with the match when the output matches; rejects when it ends or time is over without that. */
  says(expected: RegExp, timeout?: number): Promise<RegExpExecArray>
  /** Resolves when it has ended: with its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>
}

/** Starts Node on a program as its reader would, sources unbuilt, in a folder of its own. */
export function runProgram(program: string, args: readonly string[], cwd: string): RunningProgram {
  const line = ['--conditions=source', '--disable-warning=ExperimentalWarning', program, ...args]
  const child = spawn(process.execPath, line, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const look = new Set<() => void>()
  const hear = (text: Buffer): void => {
    output += text.toString()
    for (const one of look) one()
  }
  child.stdout.on('data', hear)
  child.stderr.on('data', hear)
  const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code ?? signal ?? 0))
  })
  const says = (expected: RegExp, timeout = 20_000): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const fail = (why: string): void =>
        done(() => reject(new Error(`${program} ${why}, and has not said ${expected}. It said:\n${output}`)))
      const timer = setTimeout(() => fail(`has run for ${timeout} ms`), timeout)
      const tryIt = (): void => {
        const match = expected.exec(output)
        if (match !== null) done(() => resolve(match))
      }
      const done = (then: () => void): void => {
        clearTimeout(timer)
        look.delete(tryIt)
        then()
      }
      look.add(tryIt)
      void ended.then((how) => {
        tryIt()
        if (look.has(tryIt)) fail(`has ended with ${how}`)
      })
      tryIt()
    })
  return { child, output: () => output, says, ended }
}
