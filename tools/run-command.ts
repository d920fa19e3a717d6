import { spawn } from 'node:child_process'
import { delimiter, join } from 'node:path'

export type Command = readonly [program: string, ...args: string[]]

export interface CommandResult {
  ok: boolean
  /** Both streams, in the order they came. */
  output: string
}

/** Runs a tool of node_modules/.bin. A tool that is missing or dies is a failure, never a silent pass. */
export function runCommand([program, ...args]: Command, root: string): Promise<CommandResult> {
  return new Promise((resolve) => {
    const PATH = [join(root, 'node_modules', '.bin'), process.env['PATH']].join(delimiter)
    const child = spawn(program, args, {
      cwd: root,
      env: { ...process.env, PATH, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32',
    })
    const chunks: Buffer[] = []
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    const end = (ok: boolean, extra = ''): void =>
      resolve({ ok, output: (Buffer.concat(chunks).toString() + extra).trim() })
    child.on('error', (error) => end(false, `${program} could not run: ${error.message}`))
    child.on('close', (code, signal) => end(code === 0, signal === null ? '' : `\n${program} was killed by ${signal}`))
  })
}
