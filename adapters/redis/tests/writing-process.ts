import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export interface WritingProcess {
  /** Events it was told are stored, so far. */
  acknowledged(): number
  kill(): Promise<void>
  /** Resolves with its exit code. */
  ended(): Promise<number | null>
}

/** Starts `writer.ts` as a process of its own. */
export function startWriter(url: string, prefix: string, name: string, units?: number): WritingProcess {
  const script = join(import.meta.dirname, 'writer.ts')
  const args = ['--conditions=source', script, url, prefix, name, ...(units === undefined ? [] : [String(units)])]
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit') as Promise<[number | null]>
  let acknowledged = 0
  const reading = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  reading.on('line', (line) => {
    if (line !== 'open') acknowledged = Number(line)
  })
  const drained = once(reading, 'close')
  return {
    acknowledged: () => acknowledged,
    async kill() {
      child.kill('SIGKILL')
      await Promise.all([exited, drained])
    },
    async ended() {
      const [[code]] = await Promise.all([exited, drained])
      return code
    },
  }
}
