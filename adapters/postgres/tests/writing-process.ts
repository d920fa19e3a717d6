import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export interface WritingProcess {
  /** Events it was told are stored, so far. */
  acknowledged(): number
  /** Resolves once it has said so many lines; the first one says that its store is open. */
  said(lines: number): Promise<void>
  /** SIGSTOP: it does nothing, and its connections stay open. */
  pause(): void
  kill(): Promise<void>
  /** Resolves with its exit code. */
  ended(): Promise<number | null>
}

/** Starts `writer.ts` as a process of its own. */
export function startWriter(url: string, name: string, units?: number): WritingProcess {
  const script = join(import.meta.dirname, 'writer.ts')
  const args = ['--conditions=source', script, url, name, ...(units === undefined ? [] : [String(units)])]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit') as Promise<[number | null]>
  let lines = 0
  let acknowledged = 0
  const waiting = new Set<{ readonly lines: number; readonly resolve: () => void }>()
  const reading = createInterface({ input: child.stdout })
  reading.on('line', (line) => {
    lines++
    if (line !== 'open') acknowledged = Number(line)
    for (const one of waiting) if (lines >= one.lines && waiting.delete(one)) one.resolve()
  })
  const drained = once(reading, 'close')
  return {
    acknowledged: () => acknowledged,
    said: (count) =>
      Promise.race([
        lines >= count
          ? Promise.resolve()
          : new Promise<void>((resolve) => void waiting.add({ lines: count, resolve })),
        exited.then(([code]) => {
          if (lines < count) throw new Error(`The writer ended with ${code}.`)
        }),
      ]),
    pause: () => void child.kill('SIGSTOP'),
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
