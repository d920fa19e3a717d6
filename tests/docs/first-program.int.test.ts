import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { afterAll, describe, expect, it } from 'vitest'

import { root } from './pages.ts'
import { type RunningProgram, runProgram } from './run-program.ts'

const folder = mkdtempSync(join(tmpdir(), 'tidings-tutorial-'))
const running: RunningProgram[] = []
const program = (name: string, ...args: string[]): RunningProgram => {
  const one = runProgram(join(root, 'examples/first-program', name), args, folder)
  running.push(one)
  return one
}
afterAll(async () => {
  for (const { child } of running) child.kill('SIGKILL')
  await Promise.all(running.map(({ ended }) => ended))
  rmSync(folder, { recursive: true })
})

const kill = async (one: RunningProgram): Promise<void> => {
  one.child.kill('SIGKILL')
  expect(await one.ended).toBe('SIGKILL')
}

describe('first programs', () => {
  it.each([
    ['readme/main.ts', 'reserved', 'stock'],
    ['first-program/shop.ts', 'packed', 'packing'],
  ])('tell of a handler that fails: %s', { timeout: 60_000 }, async (name, table, subscription) => {
    const cwd = mkdtempSync(join(folder, 'fails-'))
    // A table that lacks a column, so that what the handler writes cannot be written.
    const database = new DatabaseSync(join(cwd, 'shop.db'))
    database.exec(`create table ${table} (name text)`)
    database.close()
    const start = (file: string): RunningProgram => {
      const one = runProgram(join(root, 'examples', file), [], cwd)
      running.push(one)
      return one
    }
    const service = start(name)
    if (name.startsWith('first-program')) {
      await service.says(/the shop is open/)
      await start('first-program/place-order.ts').says(/o-1 is kept/)
    }
    await service.says(
      new RegExp(`^(warn|error) [^]*subscription: '${subscription}'[^]*error: '.*refused by the store`, 'm'),
    )
  })
})

describe('the tutorial of the first program', () => {
  it('happens as it is told: orders outlive kill -9, and each is packed once', { timeout: 120_000 }, async () => {
    const first = program('shop.ts')
    await first.says(/the shop is open/)
    await program('place-order.ts', 'o-1', 'tea', '2').says(/o-1 is kept at position 1, durability 'store'/)
    await first.says(/packed o-1/)

    await kill(first)
    const placed = program('place-order.ts', 'o-2', 'coffee', '1')
    await placed.says(/o-2 is kept at position 2/)
    expect(await placed.ended).toBe(0)
    const second = program('shop.ts')
    await second.says(/packed o-2/)

    await program('place-order.ts', 'o-3', 'cocoa', '5').says(/o-3 is kept/)
    await second.says(/packing o-3/)
    await kill(second)
    expect(second.output()).not.toContain('packed o-3')
    const third = program('shop.ts')
    await third.says(/packed o-3/)
    third.child.kill('SIGTERM')
    expect(await third.ended).toBe(0)
    expect(third.output()).not.toMatch(/o-1|o-2/)

    const shown = program('show-packed.ts')
    expect(await shown.ended).toBe(0)
    const rows = [...shown.output().matchAll(/'(o-\d)' *│ '(\w+)' *│ (\d)/g)].map(([, ...row]) => row)
    expect(rows).toEqual([
      ['o-1', 'tea', '2'],
      ['o-2', 'coffee', '1'],
      ['o-3', 'cocoa', '5'],
    ])
  })
})
