import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'

import { type Child, runChild } from './child-process.ts'

const program = fileURLToPath(new URL('backlog-service.ts', import.meta.url))
const long = process.env.TIDINGS_LONG === '1'
const events = long ? 1_000_000 : 200_000
// In any busy process V8 lets its young generation alone grow to some 100 MB, whatever is kept. Held small here, so that the rest shows.
const env = { NODE_OPTIONS: '--max-semi-space-size=4' }
const missing = process.platform === 'linux' ? undefined : 'resident memory is read from /proc, on Linux only'

/** How far above its idle size, in megabytes, a process may ever be. */
const most = 100

describe('memory', { skip: missing !== undefined, meta: { notRun: missing ?? '' } }, () => {
  test(`${events.toLocaleString('en')} events behind slow handlers are kept on disk`, {
    timeout: long ? 240_000 : 60_000,
  }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidings-backlog-'))
    const start = (name: string, count: number): Child => {
      const child = runChild(program, [join(folder, 'tidings.db'), name, String(count)], { env })
      onTestFinished(async () => {
        child.process.kill('SIGKILL')
        await child.gone
      })
      return child
    }
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const reader = start('reader', 0)
    await reader.line('idle')
    const publisher = start('publisher', events)
    await publisher.line('idle')
    const idle = { reader: resident(reader, 'VmRSS'), publisher: resident(publisher, 'VmRSS') }
    publisher.process.kill('SIGUSR2')
    const published = await publisher.line('published', long ? 230_000 : 50_000)
    // The backlog is there, and the processes work on it for a while.
    expect(Number(published.split(' ').at(-1))).toBeLessThan(events / 4)
    await pause(1_000)
    const grown = {
      reader: resident(reader, 'VmHWM') - idle.reader,
      publisher: resident(publisher, 'VmHWM') - idle.publisher,
    }
    process.stdout.write(
      `memory above idle: reader ${grown.reader.toFixed(0)} MB, publisher ${grown.publisher.toFixed(0)} MB\n`,
    )
    expect(grown.reader).toBeLessThan(most)
    expect(grown.publisher).toBeLessThan(most)
  })
})

/** In megabytes. */
function resident({ process: { pid } }: Child, what: 'VmRSS' | 'VmHWM'): number {
  const found = new RegExp(`^${what}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1'))
  return Number(found?.[1]) / 1_024
}
