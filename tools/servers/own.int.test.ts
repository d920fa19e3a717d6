import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { canStartOwn, type OwnServer, startOwn, without } from './index.ts'
import { ask } from './probes.ts'

await canStartOwn('redis')

describe('a Redis of a test’s own', without('redis'), () => {
  let server: OwnServer
  const say = async (words: string): Promise<string | undefined> =>
    (await ask(server.ports['main'] as number, `${words}\r\n`, (said) => said.includes('\r\n')))?.toString().trim()

  beforeAll(async () => {
    server = await startOwn('redis', { appendfsync: 'always', maxmemory: '7mb' })
  })
  afterAll(() => server.stop())

  it('has the settings it was asked for', async () => {
    expect(await say('CONFIG GET maxmemory')).toContain(String(7 * 1024 * 1024))
  })

  // #region kill
  it('comes back from SIGKILL at the same address with its data', async () => {
    const { url } = server
    expect(await say('SET colour green')).toBe('+OK')
    await server.kill()
    expect(await say('PING')).toBeUndefined()
    await server.start()
    expect(server.url).toBe(url)
    expect(await say('GET colour')).toBe('$5\r\ngreen')
  })
  // #endregion kill

  it('comes back from an orderly end', async () => {
    await say('SET colour blue')
    await server.shutdown()
    expect(await say('PING')).toBeUndefined()
    await server.start()
    expect(await say('GET colour')).toBe('$4\r\nblue')
  })

  it('says nothing while it is paused, and goes on afterwards', async () => {
    await server.pause()
    expect(await say('PING')).toBeUndefined()
    await server.resume()
    expect(await say('PING')).toBe('+PONG')
  })

  it('disturbs no other one', async () => {
    await using other = await startOwn('redis')
    expect(other.url).not.toBe(server.url)
    await other.kill()
    expect(await say('PING')).toBe('+PONG')
  })
})
