import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { operationsOn, sharedStore } from 'tidings'
import { mulberry32 } from 'tidings/spi'
import { afterAll, describe, expect, it } from 'vitest'

import { type Child, runChild } from './child-process.ts'
import { CountersFile } from './counters-file.ts'
import { printedSeed } from './seed.ts'

const program = fileURLToPath(new URL('poison-service.ts', import.meta.url))
const cli = fileURLToPath(new URL('../../apps/cli/src/main.ts', import.meta.url))
const streams = 1_000
const successors = 300
const kills = 5

describe('one poisoned stream among a thousand', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-poison-'))
  const file = join(folder, 'tidings.db')
  const random = mulberry32(printedSeed('poisoned stream'))
  const children: Child[] = []
  let round = 0
  let look: CountersFile

  const start = async (mode: 'sick' | 'well' | 'quiet'): Promise<Child> => {
    const child = runChild(program, [file, mode, String(++round * 1_000_000), String(streams), String(successors)])
    children.push(child)
    await child.line('ready')
    return child
  }
  const kill = async (child: Child): Promise<void> => {
    child.process.kill('SIGKILL')
    await child.gone
  }

  afterAll(async () => {
    for (const child of children) child.process.kill('SIGKILL')
    await Promise.all(children.map(({ gone }) => gone))
    look?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('lets the others finish meanwhile, and holds its successors in order', async () => {
    const sick = await start('sick')
    look = new CountersFile(file)
    await sick.line('published', 30_000)
    // All events of all other streams, and the one before the poisoned event.
    await expect.poll(() => look.handled(), { timeout: 30_000 }).toBe((streams - 1) * 4 + 1)
    await expect.poll(() => look.parked().length, { timeout: 10_000 }).toBe(3 + successors)
    expect(look.parked()).toEqual(['dead', ...Array<string>(2 + successors).fill('behind')])
    expect(look.handled('c-0')).toBe(1)
  })

  it('still fails when it is redriven by a process that cannot handle it, and loses nothing of its order', async () => {
    const store = await sharedStore(`sqlite:${file}`)
    const { parked } = operationsOn(store)
    const asked = await parked.redrive({ subscription: 'counting' }, { by: 'somebody' })
    expect(asked).toMatchObject({ matched: 1, more: false })
    let last
    for await (const progress of parked.follow(asked.requests)) last = progress
    expect(last).toMatchObject({ ended: 'settled', counts: { failed: 1 } })
    await store.close()
    expect(look.parked()).toEqual(['dead', ...Array<string>(2 + successors).fill('behind')])
    expect(look.handled('c-0')).toBe(1)
  })

  it('is not forgotten by kill -9, and redriven while live events of the stream keep arriving', async () => {
    await kill(children.at(-1) as Child)
    const well = await start('well')
    // New ones wait behind the old ones, also in a process that could handle all of them.
    const before = look.parked().length
    await expect.poll(() => look.parked().length, { timeout: 10_000 }).toBeGreaterThan(before)
    expect(look.handled('c-0')).toBe(1)
    // Asks, and does not wait: the processes that carry it out are killed below.
    const redrive = runChild(cli, [
      '--url',
      `sqlite:${file}`,
      '--json',
      'parked',
      'redrive',
      '--subscription',
      'counting',
      '--no-wait',
    ])
    children.push(redrive)
    expect(await redrive.gone).toEqual({ code: 0, signal: null })
    expect(JSON.parse(redrive.lines[0] ?? '')).toMatchObject({ asked: { matched: 1 } })
    await kill(well)
  })

  it(`survives ${kills} kills at random moments of the redrive`, async () => {
    let done = look.handled('c-0')
    for (let time = 1; time <= kills; time++) {
      const well = await start('well')
      done = look.handled('c-0') + Math.floor((random() * successors) / kills)
      await expect.poll(() => look.handled('c-0'), { timeout: 20_000, interval: 2 }).toBeGreaterThanOrEqual(done)
      expect(look.parked().length).toBeGreaterThan(0)
      await kill(well)
    }
  })

  it('has handled everything once and in order in the end', async () => {
    const quiet = await start('quiet')
    await expect.poll(() => look.handled(), { timeout: 30_000 }).toBe(look.logged())
    quiet.process.kill('SIGTERM')
    expect(await quiet.gone).toEqual({ code: 0, signal: null })
    look.expectExactlyOnce()
  })
})
