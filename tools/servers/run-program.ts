import { spawn } from 'node:child_process'
import { appendFileSync } from 'node:fs'

export interface HowToRun {
  readonly user?: { readonly uid: number; readonly gid: number }
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly input?: string
  /** A file that gets all it says. */
  readonly log?: string
  /** Milliseconds until it is killed, ten minutes unless said. */
  readonly patience?: number
}

/** A program that ended badly, with what it said. */
export class ProgramError extends Error {
  readonly output: string

  constructor(message: string, output: string) {
    super(message)
    this.name = 'ProgramError'
    this.output = output
  }
}

/** Runs a program to its end and resolves with what it said. */
export function runProgram(program: string, args: readonly string[], how: HowToRun = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: how.patience ?? 600_000,
      killSignal: 'SIGKILL',
      ...how.user,
      ...(how.cwd === undefined ? {} : { cwd: how.cwd }),
      ...(how.env === undefined ? {} : { env: how.env }),
    })
    const chunks: Buffer[] = []
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        if (how.log !== undefined) appendFileSync(how.log, chunk)
      })
    }
    const said = (): string => Buffer.concat(chunks).toString().trim()
    child.stdin.on('error', () => {})
    child.stdin.end(how.input ?? '')
    child.on('error', (error) => reject(new ProgramError(`${program} could not be run: ${error.message}`, said())))
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(said())
      const end = signal === null ? `ended with code ${code}` : `was killed by ${signal}`
      return reject(new ProgramError(`${program} ${end}: ${lastWords(said())}`, said()))
    })
  })
}

/** The last line that is not empty. */
export function lastWords(output: string): string {
  return output.trimEnd().split('\n').at(-1)?.trim() || 'it said nothing'
}
