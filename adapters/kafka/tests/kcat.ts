import { spawn } from 'node:child_process'

import { programPath } from '../../../tools/servers/index.ts'
import { bootstrap } from './kafka-world.ts'

/** Whether the command line client kcat is there. */
export const hasKcat: boolean = (await programPath('kcat')) !== undefined

/** Runs kcat against the shared broker; resolves with what it prints. */
export function kcat(args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('kcat', ['-b', bootstrap, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
    let out = ''
    let errors = ''
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
    child.on('error', reject)
    child.on('close', (code) => (code === 0 ? resolve(out) : reject(new Error(`kcat ends with ${code}: ${errors}`))))
    child.stdin.end(input)
  })
}
