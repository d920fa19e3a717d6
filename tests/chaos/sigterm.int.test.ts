import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'

import { type Child, runChild } from './child-process.ts'
import { CountersFile } from './counters-file.ts'

const program = fileURLToPath(new URL('busy-service.ts', import.meta.url))

function world(): { file: string; start: (mode: string, hanging?: string) => Promise<Child> } {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-term-'))
  const file = join(folder, 'tidings.db')
  const children: Child[] = []
  onTestFinished(async () => {
    for (const child of children) child.process.kill('SIGKILL')
    await Promise.all(children.map(({ gone }) => gone))
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    file,
    async start(mode, hanging = '') {
      const child = runChild(program, [file, 'a', String(children.length * 1_000_000), mode, hanging])
      children.push(child)
      await child.line('ready')
      return child
    },
  }
}

/** Sends the signal and waits for the end. Returns how long it took, in milliseconds. */
async function end(child: Child, signal: NodeJS.Signals, code: number): Promise<number> {
  const began = performance.now()
  child.process.kill(signal)
  expect(await child.gone).toEqual({ code, signal: null })
  return performance.now() - began
}

test.each<[NodeJS.Signals]>([['SIGTERM'], ['SIGINT']])(
  '%s under load: ends with 0 within its deadline, and nothing is lost or handled twice',
  async (signal) => {
    const { file, start } = world()
    const acknowledged: string[] = []
    for (let round = 0; round < 2; round++) {
      const child = await start('publish')
      await child.line('ack ')
      await expect.poll(() => child.lines.length, { timeout: 10_000 }).toBeGreaterThan(200)
      expect(await end(child, signal, 0)).toBeLessThan(5_500)
      acknowledged.push(...child.lines.filter((line) => line.startsWith('ack ')).map((line) => line.slice(4)))
    }
    const last = await start('listen')
    const look = new CountersFile(file)
    await expect.poll(() => look.handled(), { timeout: 20_000 }).toBe(look.logged())
    await end(last, signal, 0)
    expect(acknowledged.filter((id) => !look.holds(id))).toEqual([])
    look.expectExactlyOnce()
    look.close()
  },
)

test('a second signal ends at once, though a handler never returns', async () => {
  const { start } = world()
  const child = await start('publish', 'hanging')
  await child.line('hanging')
  child.process.kill('SIGTERM')
  const began = performance.now()
  // Sent again until it is heard as the second one: two signals that arrive together are one.
  const again = setInterval(() => child.process.kill('SIGTERM'), 50)
  const gone = await child.gone
  clearInterval(again)
  expect(gone).toEqual({ code: 1, signal: null })
  expect(performance.now() - began).toBeLessThan(1_000)
})

test('a handler that never returns is withdrawn at the deadline, and its event comes again', async () => {
  const { file, start } = world()
  const child = await start('publish', 'hanging')
  await child.line('hanging')
  const took = await end(child, 'SIGTERM', 0)
  expect(took).toBeGreaterThan(2_000)
  expect(took).toBeLessThan(6_500)
  const look = new CountersFile(file)
  expect(look.handled()).toBe(0)
  await start('listen')
  await expect.poll(() => look.handled(), { timeout: 20_000 }).toBe(look.logged())
  look.expectExactlyOnce()
  look.close()
})
