import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { withLock } from './lock.ts'

const before = process.env['TIDINGS_SERVERS_DIR']
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidings-lock-'))
  process.env['TIDINGS_SERVERS_DIR'] = folder
})
afterEach(() => {
  if (before === undefined) delete process.env['TIDINGS_SERVERS_DIR']
  else process.env['TIDINGS_SERVERS_DIR'] = before
  rmSync(folder, { recursive: true })
})

it('lets one work at a time, and another name at the same time', async () => {
  let inside = 0
  let most = 0
  const work = async (): Promise<void> => {
    most = Math.max(most, ++inside)
    await withLock('other', () => {})
    inside--
  }
  await Promise.all(Array.from({ length: 5 }, () => withLock('one', work)))
  expect(most).toBe(1)
})

it('is given back by work that fails', async () => {
  await expect(withLock('one', () => Promise.reject(new Error('on purpose')))).rejects.toThrow('on purpose')
  expect(await withLock('one', () => 'mine')).toBe('mine')
})

it('holds between processes, and is given back by one that dies', async () => {
  const lock = new URL('./lock.ts', import.meta.url).href
  const holder = `const { withLock } = await import(${JSON.stringify(lock)})
await withLock('one', () => process.kill(process.pid, 'SIGKILL'))`
  const died = promisify(execFile)(process.execPath, ['--input-type=module', '-e', holder])
  await expect(died).rejects.toMatchObject({ signal: 'SIGKILL' })
  expect(await withLock('one', () => 'mine')).toBe('mine')
})
