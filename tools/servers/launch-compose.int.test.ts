import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { canStartOwn, without } from './index.ts'
import { allInstances } from './instance.ts'
import { ask } from './probes.ts'

await canStartOwn('redis')

describe('where Docker Compose works', without('redis'), () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-docker-'))
  const told = join(folder, 'told')
  const before = { PATH: process.env['PATH'], TIDINGS_SERVERS_DIR: process.env['TIDINGS_SERVERS_DIR'] }

  beforeAll(() => {
    const fake = fileURLToPath(new URL('./fake-docker.ts', import.meta.url))
    const bin = join(folder, 'bin')
    mkdirSync(bin)
    writeFileSync(join(bin, 'docker'), `#!/bin/sh\nexec '${process.execPath}' '${fake}' "$@"\n`, { mode: 0o755 })
    process.env['PATH'] = `${bin}${delimiter}${before.PATH}`
    process.env['FAKE_DOCKER'] = told
    process.env['TIDINGS_SERVERS_DIR'] = join(folder, 'state')
  })
  afterAll(() => {
    process.env['PATH'] = before.PATH
    if (before.TIDINGS_SERVERS_DIR === undefined) delete process.env['TIDINGS_SERVERS_DIR']
    else process.env['TIDINGS_SERVERS_DIR'] = before.TIDINGS_SERVERS_DIR
    rmSync(folder, { recursive: true, force: true })
  })

  it('it pulls, starts, kills, pauses, stops and removes a server, which keeps its address and data', async () => {
    // Whether Docker works is asked once a process, and was.
    vi.resetModules()
    const { startOwn } = await import('./index.ts')
    await using server = await startOwn('redis', { appendfsync: 'always' })
    const say = async (text: string): Promise<string | undefined> =>
      (await ask(server.ports['main'] as number, `${text}\r\n`, (said) => said.includes('\r\n')))?.toString().trim()
    expect(allInstances()).toMatchObject([{ kind: 'redis', from: 'compose' }])
    expect(await say('SET colour green')).toBe('+OK')
    await server.kill()
    expect(await say('PING')).toBeUndefined()
    await server.start()
    expect(await say('GET colour')).toBe('$5\r\ngreen')
    await server.pause()
    await server.resume()
    expect(await say('PING')).toBe('+PONG')
    await server.shutdown()
    await server.start()
    await server.stop()
    expect(await say('PING')).toBeUndefined()
    expect(allInstances()).toEqual([])
    const lines = readFileSync(told, 'utf8').trim().split('\n')
    expect(lines.slice(0, 4)).toEqual([
      'version --format {{.Server.Version}}',
      'compose version',
      'image inspect redis:8.2.2',
      'pull -q redis:8.2.2',
    ])
    const commands = lines
      .slice(4)
      .map((line) => line.replace(/^compose --project-name tidings-\w{8}-redis-\w{6} --file \S+ /, ''))
    expect(commands.filter((line) => !line.startsWith('ps '))).toEqual([
      'up --detach --no-recreate',
      'kill --signal SIGKILL',
      'up --detach --no-recreate',
      'pause',
      'unpause',
      'stop --timeout 10',
      'up --detach --no-recreate',
      'down --volumes --timeout 0',
    ])
  })
})
