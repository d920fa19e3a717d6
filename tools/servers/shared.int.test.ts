import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { canStartOwn, without } from './index.ts'
import { allInstances, readInstance, writeInstance } from './instance.ts'
import { startOwn } from './own.ts'
import { ask } from './probes.ts'
import { identify, isAlive } from './process-identity.ts'
import { ensureShared, killShared, leaveShared, restartShared, shutdownShared, sweep } from './shared.ts'

await canStartOwn('redis')

// With servers of its own, whatever runs in this work tree.
const quiet = { keep: false, say: () => {} }
const given = process.env['REDIS_URL']

async function up(keep = false): Promise<string> {
  const had = await ensureShared('redis', { ...quiet, keep })
  return 'url' in had ? had.url : expect.fail(had.missing)
}

async function say(url: string, words: string): Promise<string | undefined> {
  const answer = await ask(Number(new URL(url).port), `${words}\r\n`, (said) => said.includes('\r\n'))
  return answer?.toString().trim()
}

describe('a shared Redis', without('redis'), () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidings-shared-'))
    process.env['TIDINGS_SERVERS_DIR'] = folder
    delete process.env['REDIS_URL']
  })
  afterEach(async () => {
    const instance = readInstance('redis')
    if (instance) writeInstance({ ...instance, keep: false })
    await leaveShared()
    expect(readInstance('redis')).toBeUndefined()
  })
  afterAll(() => {
    delete process.env['TIDINGS_SERVERS_DIR']
    if (given !== undefined) process.env['REDIS_URL'] = given
    rmSync(folder, { recursive: true, force: true })
  })

  it('is started once, however many ask at the same time', async () => {
    const urls = await Promise.all([up(), up(), up(), up()])
    expect(new Set(urls).size).toBe(1)
    expect(await say(urls[0], 'PING')).toBe('+PONG')
  })

  it('comes back from SIGKILL at the same address with its data', async () => {
    const url = await up()
    await say(url, 'CONFIG SET appendfsync always')
    await say(url, 'SET colour green')
    const before = readInstance('redis')?.processes['main']
    await killShared('redis')
    expect(before && isAlive(before)).toBe(false)
    expect(await say(url, 'PING')).toBeUndefined()
    await restartShared('redis')
    expect(await say(url, 'GET colour')).toBe('$5\r\ngreen')
    expect(await up()).toBe(url)
  })

  it('stays for the other test run that uses it, and for the person who started it', async () => {
    const url = await up()
    const instance = readInstance('redis')
    const other = identify(1)
    if (!instance || !other) return expect.fail('Redis is written down, and there is a first process.')
    writeInstance({ ...instance, users: [...instance.users, other] })
    await leaveShared()
    expect(await say(url, 'PING')).toBe('+PONG')
    writeInstance({ ...instance, users: [], keep: true })
    await leaveShared()
    expect(await say(url, 'PING')).toBe('+PONG')
  })

  it('is not waited for by who is no more', async () => {
    const url = await up()
    const instance = readInstance('redis')
    if (!instance) return expect.fail('Redis is written down.')
    writeInstance({ ...instance, users: [{ pid: process.pid, started: 'in a former life' }] })
    await leaveShared()
    expect(await say(url, 'PING')).toBeUndefined()
    expect(existsSync(instance.folder)).toBe(false)
  })

  it('keeps its data for a person, and begins anew for tests that follow an aborted run', async () => {
    const kept = await up(true)
    await say(kept, 'CONFIG SET appendfsync always')
    await say(kept, 'SET colour red')
    expect(await shutdownShared('redis')).toBe(true)
    expect(await shutdownShared('redis')).toBe(false)
    expect(await up()).toBe(kept)
    expect(await say(kept, 'GET colour')).toBe('$3\r\nred')
    const instance = readInstance('redis')
    if (!instance) return expect.fail('Redis is written down.')
    writeInstance({ ...instance, keep: false })
    await killShared('redis')
    expect(await say(await up(), 'GET colour')).toBe('$-1')
  })

  it('of a test that is gone is swept away', async () => {
    const own = await startOwn('redis')
    const reservation = join(folder, 'ports', String(own.ports['main']))
    expect(existsSync(reservation)).toBe(true)
    await sweep()
    expect(await say(own.url, 'PING')).toBe('+PONG')
    const instance = allInstances()[0]
    if (!instance) return expect.fail('It is written down.')
    writeInstance({ ...instance, users: [{ pid: process.pid, started: 'in a former life' }] })
    await sweep()
    expect(await say(own.url, 'PING')).toBeUndefined()
    expect(existsSync(reservation)).toBe(false)
  })

  it('of somebody else is never signalled', async () => {
    process.env['REDIS_URL'] = 'redis://127.0.0.1:1'
    expect(await up()).toBe('redis://127.0.0.1:1')
    await expect(killShared('redis')).rejects.toThrow('Redis comes from REDIS_URL')
    delete process.env['REDIS_URL']
    await expect(restartShared('redis')).rejects.toThrow('was not started by these tools')
  })
})
