import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

/** A child that runs a TypeScript program of this repository, and the lines it has printed. */
export interface Child {
  readonly process: ChildProcess
  readonly lines: string[]
  /** What it has said on its standard error. */
  readonly errors: readonly string[]
  /** Resolves with the first line, printed or to be printed, that begins with `start`. Rejects when the child ends before or time is up. */
  line(start: string, deadline?: number): Promise<string>
  /** Resolves when it is gone, however it went. */
  readonly gone: Promise<{ code: number | null; signal: string | null }>
}

export function runChild(
  program: string,
  args: readonly string[],
  options: {
    readonly env?: NodeJS.ProcessEnv
    readonly cwd?: string /** Whether it is given lines to read. */
    readonly input?: boolean
  } = {},
): Child {
  const child = spawn(process.execPath, ['--conditions=source', program, ...args], {
    stdio: [options.input === true ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })
  const lines: string[] = []
  const errors: string[] = []
  const waiting = new Set<() => void>()
  const wake = (): void => {
    for (const look of waiting) look()
  }
  createInterface({ input: child.stdout as Readable }).on('line', (line) => {
    lines.push(line)
    wake()
  })
  createInterface({ input: child.stderr as Readable }).on('line', (line) => errors.push(line))
  let ended = false
  const gone = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.on('close', (code, signal) => {
      ended = true
      wake()
      resolve({ code, signal })
    })
  })
  return {
    process: child,
    lines,
    errors,
    gone,
    line: (start, deadline = 20_000) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => finish(new Error(`No line "${start}" within ${deadline} ms; it said: ${errors.slice(-5).join(' | ')}`)),
          deadline,
        )
        const finish = (outcome: string | Error): void => {
          clearTimeout(timer)
          waiting.delete(look)
          if (typeof outcome === 'string') resolve(outcome)
          else reject(outcome)
        }
        const look = (): void => {
          const found = lines.find((line) => line.startsWith(start))
          if (found !== undefined) finish(found)
          else if (ended) finish(new Error(`The child ended before "${start}": ${errors.slice(-5).join(' | ')}`))
        }
        waiting.add(look)
        look()
      }),
  }
}
