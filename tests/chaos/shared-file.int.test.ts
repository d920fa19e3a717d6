import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { mulberry32 } from 'tidings/spi'
import { afterAll, describe, expect, it } from 'vitest'

import { type Child, runChild } from './child-process.ts'
import { CountersFile } from './counters-file.ts'
import { printedSeed } from './seed.ts'

const program = fileURLToPath(new URL('busy-service.ts', import.meta.url))
const lease = 300

describe('three processes of one group on one file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-shared-'))
  const file = join(folder, 'tidings.db')
  const random = mulberry32(printedSeed('shared file'))
  const children: Child[] = []
  let look: CountersFile

  const start = async (name: string, mode = 'publish'): Promise<Child> => {
    const child = runChild(program, [file, name, '0', mode])
    children.push(child)
    await child.line('ready')
    return child
  }
  /**
   * Stops a process anywhere but inside a write transaction: there it would hold SQLite's lock, which nobody can take from a process that exists,
   * and all others would wait for it by their busy timeout.
   */
  const stop = async (child: Child): Promise<void> => {
    for (;;) {
      child.process.kill('SIGSTOP')
      if (look.writable()) return
      child.process.kill('SIGCONT')
      await pause(random() * 50)
    }
  }
  const moved = (child: Child): number =>
    child.lines.filter((line) => line === 'log A partition has moved to another instance').length

  afterAll(async () => {
    for (const child of children) child.process.kill('SIGKILL')
    await Promise.all(children.map(({ gone }) => gone))
    look?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('share the work, and go on when one is killed', async () => {
    await Promise.all(['a', 'b', 'c'].map((name) => start(name)))
    look = new CountersFile(file)
    await expect.poll(() => look.owners(), { timeout: 10_000 }).toBe(3)
    await pause(300 + random() * 500)
    const [victim] = children as [Child]
    victim.process.kill('SIGKILL')
    await victim.gone
    await expect.poll(() => look.owners(), { timeout: 10_000 }).toBe(2)
    const handled = look.handled()
    await expect.poll(() => look.handled(), { timeout: 10_000 }).toBeGreaterThan(handled + 200)
  })

  it('take over from one that is stopped, and refuse what it commits late', async () => {
    const zombie = children[1] as Child
    for (let time = 0; time < 3; time++) {
      const before = moved(zombie)
      await stop(zombie)
      await pause(2 * lease + random() * 2 * lease)
      const handled = look.handled()
      await expect.poll(() => look.handled(), { timeout: 10_000 }).toBeGreaterThan(handled + 100)
      zombie.process.kill('SIGCONT')
      await expect.poll(() => moved(zombie), { timeout: 10_000 }).toBeGreaterThan(before)
      await expect.poll(() => look.owners(), { timeout: 10_000 }).toBe(2)
    }
  })

  it('end within their deadline, without an unhandled rejection', async () => {
    await Promise.all(
      children.slice(1).map(async (child) => {
        const began = performance.now()
        child.process.kill('SIGTERM')
        expect(await child.gone).toEqual({ code: 0, signal: null })
        expect(performance.now() - began).toBeLessThan(5_500)
      }),
    )
  })

  it('have lost nothing acknowledged, and handled everything once and in order', async () => {
    const last = await start('d', 'listen')
    await expect.poll(() => look.handled(), { timeout: 30_000 }).toBe(look.logged())
    last.process.kill('SIGTERM')
    expect(await last.gone).toEqual({ code: 0, signal: null })
    const acknowledged = children.flatMap(({ lines }) =>
      lines.filter((line) => line.startsWith('ack ')).map((line) => line.slice(4)),
    )
    expect(acknowledged.length).toBeGreaterThan(1_000)
    expect(acknowledged.filter((id) => !look.holds(id))).toEqual([])
    look.expectExactlyOnce()
  })
})
