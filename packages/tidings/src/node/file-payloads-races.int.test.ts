import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import type * as Files from 'node:fs/promises'
import { rename, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeEach, expect, it, vi } from 'vitest'

import { payloadId } from '../payloads/claim.ts'
import { type FilePayloads, filePayloads } from './file-payloads.ts'

/** Called once, when the next call of a name has ended. */
let after: { readonly call: 'stat' | 'rename' | 'utimes' | 'readdir'; readonly run: () => Promise<unknown> } | undefined
/** Paths that were flushed. */
let synced: string[] = []

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof Files>()
  const watched =
    (call: 'stat' | 'rename' | 'utimes' | 'readdir') =>
    async (...input: unknown[]) => {
      const answer = await (real[call] as (...all: unknown[]) => Promise<unknown>)(...input)
      if (after?.call === call) {
        const { run } = after
        after = undefined
        await run()
      }
      return answer
    }
  return {
    ...real,
    stat: watched('stat'),
    rename: watched('rename'),
    utimes: watched('utimes'),
    readdir: watched('readdir'),
    open: async (path: string, flags: string) => {
      const file = await real.open(path, flags)
      const sync = file.sync.bind(file)
      file.sync = () => {
        synced.push(path)
        return sync()
      }
      return file
    },
  }
})

const bytes = Buffer.from('large')
const id = payloadId(bytes)
const folders: string[] = []
let folder: string
let parent: string
let payloads: FilePayloads

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidings-payloads-'))
  folders.push(folder)
  parent = join(folder, id.slice(0, 2))
  payloads = filePayloads(folder)
  after = undefined
})
afterAll(() => {
  for (const one of folders) rmSync(one, { recursive: true, force: true })
})

/** A payload that was last kept long ago. */
async function keepOld(): Promise<void> {
  await payloads.put(id, bytes)
  await utimes(join(parent, id), new Date(1_000), new Date(1_000))
}
const limit = () => Date.now() - 60_000

it.each(['stat', 'rename'] as const)('a sweep leaves what is kept again after its %s', async (call) => {
  await keepOld()
  after = { call, run: () => payloads.put(id, bytes) }
  await payloads.sweep(limit())
  expect(after).toBeUndefined()
  expect(await payloads.get(id)).toEqual(bytes)
  expect(readdirSync(parent)).toEqual([id])
})

it('what a sweep takes away between two looks of a put is kept anew', async () => {
  await keepOld()
  after = { call: 'utimes', run: () => payloads.sweep(Date.now() + 60_000) }
  await payloads.put(id, bytes)
  expect(after).toBeUndefined()
  expect(await payloads.get(id)).toEqual(bytes)
})

it('what a sweep has laid aside is found, and laid back by the next where this one has died', async () => {
  await payloads.put(id, bytes)
  await rename(join(parent, id), join(parent, `${id}.1.swept`))
  expect(await payloads.get(id)).toEqual(bytes)
  expect(await payloads.sweep(limit())).toBe(0)
  expect(readdirSync(parent)).toEqual([id])
  await rename(join(parent, id), join(parent, `${id}.1.swept`))
  expect(await payloads.sweep(Date.now() + 60_000)).toBe(1)
  expect(readdirSync(parent)).toEqual([])
  expect(await payloads.get(id)).toBeUndefined()
})

it('two sweeps at the same time do not disturb each other', async () => {
  await keepOld()
  after = { call: 'readdir', run: () => payloads.sweep(limit()) }
  expect(await payloads.sweep(limit())).toBe(0)
  expect(readdirSync(parent)).toEqual([])
})

it('flushes the names of the folders that it makes, too', async () => {
  const deep = join(folder, 'a', 'b')
  payloads = filePayloads(deep)
  synced = []
  await payloads.put(id, bytes)
  expect(synced.slice(1)).toEqual([join(deep, id.slice(0, 2)), deep, join(folder, 'a'), folder])
})

it('flushes what is there already as well: whoever has kept it may not have come so far', async () => {
  await payloads.put(id, bytes)
  synced = []
  await filePayloads(folder).put(id, bytes)
  expect(synced).toEqual([join(parent, id), parent, folder])
  synced = []
  await payloads.put(id, bytes)
  expect(synced).toEqual([join(parent, id), parent])
})
