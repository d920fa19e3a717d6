import { eventually } from '@tidings/conformance'
import { isTidingsError, logTransport, type Offset, type Sink, type Store } from 'tidings/spi'
import { afterEach, describe, expect, it } from 'vitest'

import { canStartOwn, type OwnServer, startOwn, without } from '../../../../tools/servers/index.ts'
import { allIds, append, atEnd, cleanUp, hostOf, open, record, withClient } from '../../tests/redis-world.ts'

await canStartOwn('redis')

afterEach(cleanUp)

const soon = { deadline: 20_000 }

async function own(settings: Parameters<typeof startOwn>[1] = {}): Promise<OwnServer> {
  const server = await startOwn('redis', settings)
  atEnd(() => server.stop())
  return server
}

/** Commits one event after another until told to stop. What fails is tried again with the same id, as every caller must. */
function load(store: Store, writers: number): { readonly acknowledged: string[]; readonly stop: () => Promise<void> } {
  const acknowledged: string[] = []
  const codes = new Set<unknown>()
  let stopped = false
  const write = async (writer: number): Promise<void> => {
    while (!stopped) {
      const one = record({ key: `w-${writer}` })
      while (!stopped) {
        try {
          const [result] = await store.commit([{ append: [one] }])
          if (result?.status === 'committed') acknowledged.push(one.id)
          break
        } catch (error) {
          codes.add((error as { code?: unknown }).code)
          await new Promise((resolve) => void setImmediate(resolve))
        }
      }
    }
  }
  const writing = Promise.all(Array.from({ length: writers }, (_, at) => write(at)))
  return {
    acknowledged,
    stop: async () => {
      stopped = true
      await writing
      expect(['TIDINGS_COMMIT_UNKNOWN', 'TIDINGS_STORE_UNAVAILABLE']).toEqual(expect.arrayContaining([...codes]))
    },
  }
}

/** From now on nothing is written to disk. Answers how the server dies and comes back. */
async function loseByRestart(server: OwnServer): Promise<() => Promise<void>> {
  await withClient((client) => client.configSet({ appendonly: 'no' }), server.url)
  return async () => {
    await server.kill()
    await server.start()
  }
}

/** A replica has what there is now, and nothing later. Answers how the server takes over what that has, as its successor would. */
async function loseByFailover(server: OwnServer): Promise<() => Promise<void>> {
  const replica = await own({ 'repl-diskless-sync-delay': 0 })
  const follow = async (follower: OwnServer, leader: OwnServer): Promise<void> => {
    const ask = (...args: string[]): Promise<unknown> => withClient((client) => client.sendCommand(args), follower.url)
    await ask('REPLICAOF', '127.0.0.1', String(leader.ports['main']))
    await eventually(async () => expect(await ask('INFO', 'replication')).toContain('master_link_status:up'), soon)
    await ask('REPLICAOF', 'NO', 'ONE')
  }
  await withClient((client) => client.configSet({ 'repl-diskless-sync-delay': '0' }), server.url)
  await follow(replica, server)
  return async () => {
    await follow(server, replica)
    await withClient((client) => client.sendCommand(['CLIENT', 'KILL', 'TYPE', 'normal']), server.url)
  }
}

/** Everything acknowledged is there once, in order of position, and no stream has a gap. */
async function checkAll(store: Store, acknowledged: readonly string[], writers: number): Promise<void> {
  const found = await allIds(store)
  expect(new Set(found).size).toBe(found.length)
  const there = new Set(found)
  expect(acknowledged.filter((id) => !there.has(id))).toEqual([])
  for (let writer = 0; writer < writers; writer++) {
    const stream = { tenant: '', category: 'order', key: `w-${writer}` }
    for (let from = 1; ; ) {
      const page = await store.readStream(stream, { from })
      expect(page.map((event) => event.streamVersion)).toEqual(page.map((_, at) => from + at))
      if (page.length === 0) break
      from += page.length
    }
  }
}

describe('a Redis server that fails', without('redis'), () => {
  it.each(['everysec', 'always'])(
    'is killed and started again under load (appendfsync %s): nothing acknowledged is lost, nothing is there twice',
    async (appendfsync) => {
      const server = await own({ appendonly: 'yes', appendfsync })
      const store = await open({ url: server.url, timeout: 1_000 })
      expect(store.durability).toBe(appendfsync)
      const { acknowledged, stop } = load(store, 8)
      for (let round = 1; round <= 3; round++) {
        const before = acknowledged.length
        await eventually(() => acknowledged.length > before + 200, soon)
        await server.kill()
        await server.start()
        const after = acknowledged.length
        await eventually(() => acknowledged.length > after + 100, soon)
      }
      await stop()
      await checkAll(store, acknowledged, 8)
    },
    90_000,
  )

  it.each([
    ['is started again', loseByRestart],
    ['gives way to a replica', loseByFailover],
  ])('%s without its last events: running readers hear what is acknowledged afterwards', async (_what, losing) => {
    const server = await own({ appendonly: 'yes', appendfsync: 'everysec' })
    const store = await open({ url: server.url, prefix: 'shop', timeout: 1_000 })
    const transport = logTransport(store, hostOf(), { poll: 20 })
    atEnd(() => transport.close())
    const heard: string[] = []
    let seen: Offset = 0
    const sink: Sink = {
      assigned: async (partitions) => partitions.map(() => seen),
      revoked: async () => {},
      lost: () => {},
      ended: () => {},
      scanned: (_partition, offset) => void (seen = Math.max(seen, offset)),
      deliver: (deliveries) => void heard.push(...deliveries.map(({ record: one }) => one?.id ?? '')),
    }
    const consumer = await transport.subscribe({ group: 'g', topics: ['order'] }, sink)
    consumer.request(1_000)
    const [before, after] = [record(), record()]
    await append(store, before)
    const lose = await losing(server)
    // None of these is for the reader, which moves beyond them all the same.
    const [last = 0] = (await append(store, ...Array.from({ length: 40 }, () => record({ category: 'other' })))).slice(
      -1,
    )
    await eventually(() => seen >= last, soon)
    await lose()
    await eventually(async () => {
      expect(await store.commit([{ append: [after] }])).toMatchObject([{ status: 'committed' }])
    }, soon)
    const left = await store.readAll({ after: 0, limit: 100 })
    expect(left.events.map(({ record: { id } }) => id)).toEqual([before.id, after.id])
    await eventually(() => heard.includes(after.id), soon)
    expect(heard).toEqual([before.id, after.id])
    // Whoever opens it now finds the server known.
    const [next = 0] = await append(await open({ url: server.url, prefix: 'shop' }), record())
    expect(next).toBe((left.events.at(-1)?.position ?? 0) + 1)
  })

  it('is gone: calls end with an error at once, `close` ends, and nobody is left to wake', async () => {
    const server = await own()
    const store = await open({ url: server.url, timeout: 500 })
    let wakes = 0
    store.watch(() => void wakes++)
    await append(store, record())
    await server.kill()
    await eventually(async () => {
      const error: unknown = await store.readAll({ after: 0, limit: 1 }).then(
        () => undefined,
        (cause: unknown) => cause,
      )
      expect(isTidingsError(error, 'TIDINGS_STORE_UNAVAILABLE')).toBe(true)
    }, soon)
    await expect(store.commit([{ append: [record()] }])).rejects.toMatchObject({ code: 'TIDINGS_STORE_UNAVAILABLE' })
    await store.close()
    await expect(open({ url: server.url, timeout: 500 })).rejects.toMatchObject({ code: 'TIDINGS_STORE_UNAVAILABLE' })
  })

  it('hangs: what waits for it ends after `timeout`, and it goes on when the server does', async () => {
    const server = await own()
    const store = await open({ url: server.url, timeout: 500 })
    await append(store, record())
    await server.pause()
    const one = record()
    await expect(store.commit([{ append: [one] }])).rejects.toMatchObject({ code: 'TIDINGS_COMMIT_UNKNOWN' })
    const closing = open({ url: server.url, timeout: 500 })
    await expect(closing).rejects.toMatchObject({ code: 'TIDINGS_STORE_UNAVAILABLE' })
    await server.resume()
    await eventually(async () => {
      const [result] = await store.commit([{ append: [one] }])
      expect(result?.status).toBe('committed')
    }, soon)
    expect((await allIds(store)).filter((id) => id === one.id)).toHaveLength(1)
  })

  it('hangs while a store closes: it ends all the same', async () => {
    const server = await own()
    const store = await open({ url: server.url, timeout: 300 })
    await server.pause()
    const calling = store.commit([{ append: [record()] }]).catch((error: unknown) => error)
    await store.close()
    expect(await calling).toMatchObject({ code: 'TIDINGS_COMMIT_UNKNOWN' })
    await server.resume()
  })

  it('evicts keys: it is refused, whatever has been asked for', async () => {
    const server = await own({ 'maxmemory-policy': 'allkeys-lru' })
    await expect(open({ url: server.url })).rejects.toMatchObject({
      code: 'TIDINGS_INVALID_OPTION',
      details: { policy: 'allkeys-lru' },
    })
  })

  it('keeps less than was asked for: it is refused; otherwise it is said what it keeps', async () => {
    const said: string[] = []
    const log = (level: string, message: string): void => void said.push(`${level} ${message}`)
    const memory = await own({ appendonly: 'no' })
    await expect(open({ url: memory.url })).rejects.toMatchObject({
      code: 'TIDINGS_INVALID_OPTION',
      details: { durability: 'none' },
    })
    const lost = await open({ url: memory.url, durability: 'none', log })
    expect([lost.durability, lost.capabilities.durability]).toEqual(['none', 'store'])
    expect(said.join()).toMatch(/warn Redis keeps this store in memory alone/)
    await withClient(async (client) => {
      await client.configSet({ appendonly: 'yes' })
    }, memory.url)
    await expect(open({ url: memory.url, durability: 'always' })).rejects.toMatchObject({
      details: { durability: 'everysec' },
    })
    const store = await open({ url: memory.url, log })
    expect([store.durability, store.capabilities.durability]).toEqual(['everysec', 'store'])
    expect(said.join()).toMatch(/info Redis writes to disk once a second/)
    // Who may not ask gets the lesser promise.
    await withClient(async (client) => {
      await client.configSet({ appendfsync: 'always' })
      await client.sendCommand(['ACL', 'SETUSER', 'ann', 'on', '>pw', '~*', '&*', '+@all', '-config'])
    }, memory.url)
    expect((await open({ url: memory.url.replace('//', '//ann:pw@') })).durability).toBe('everysec')
    expect((await open({ url: memory.url, durability: 'always' })).durability).toBe('always')
  })

  it('is full: commits fail with TIDINGS_STORE_FULL and write nothing, reading and letting go work, and it is over with space', async () => {
    const server = await own({ maxmemory: '8mb', 'maxmemory-policy': 'noeviction' })
    const store = await open({ url: server.url })
    const large = (): ReturnType<typeof record> => record({ data: JSON.stringify('x'.repeat(50_000)) })
    const kept: string[] = []
    let failure: unknown
    for (let at = 0; failure === undefined && at < 1_000; at++) {
      const units = Array.from({ length: 5 }, () => ({
        append: [large()],
        documents: [{ collection: 'n', id: 'n', put: String(at) }],
      }))
      try {
        await store.commit(units)
        kept.push(...units.map((unit) => unit.append[0]?.id ?? ''))
      } catch (error) {
        failure = error
      }
    }
    expect(failure).toMatchObject({ code: 'TIDINGS_STORE_FULL' })
    const setLimit = (maxmemory: string): Promise<unknown> =>
      withClient((client) => client.configSet({ maxmemory }), server.url)
    await setLimit('2mb')
    await expect(store.commit([{ append: [record()] }])).rejects.toMatchObject({ code: 'TIDINGS_STORE_FULL' })
    expect(await allIds(store)).toEqual(kept)
    expect(await store.find('n')).toMatchObject([{ version: kept.length }])
    expect(await store.prune({ through: 40, limit: 100 })).toEqual({ removed: 40, more: false })
    await setLimit('16mb')
    expect(await store.commit([{ append: [large()] }])).toMatchObject([{ status: 'committed' }])
  })

  it('becomes a replica: commits are refused, and go on once it is a primary', async () => {
    const server = await own()
    const store = await open({ url: server.url })
    await append(store, record())
    await withClient((client) => client.sendCommand(['REPLICAOF', '127.0.0.1', '1']), server.url)
    await expect(store.commit([{ append: [record()] }])).rejects.toMatchObject({
      code: 'TIDINGS_STORE_UNAVAILABLE',
      details: { redis: 'READONLY' },
    })
    await withClient((client) => client.sendCommand(['REPLICAOF', 'NO', 'ONE']), server.url)
    await eventually(() => append(store, record()), soon)
  })

  it('runs a script of somebody that does not end: calls are refused meanwhile', async () => {
    const server = await own({ 'lua-time-limit': 50 })
    const store = await open({ url: server.url })
    await append(store, record())
    const endless = withClient((client) => client.eval('while true do end').catch(() => {}), server.url)
    await eventually(async () => {
      await expect(store.commit([{ append: [record()] }])).rejects.toMatchObject({
        code: 'TIDINGS_STORE_UNAVAILABLE',
        details: { redis: 'BUSY' },
      })
    }, soon)
    await withClient((client) => client.scriptKill(), server.url)
    await endless
    await append(store, record())
  })

  it('wants a password: without it nobody is let in, and it is told to nobody', async () => {
    const server = await own()
    await withClient((client) => client.configSet({ requirepass: 'hunter2' }), server.url)
    const error: unknown = await open({ url: server.url }).catch((cause: unknown) => cause)
    expect(error).toMatchObject({ code: 'TIDINGS_STORE_UNAVAILABLE', details: { redis: 'NOAUTH' } })
    const wrong: unknown = await open({ url: server.url, password: 'guess' }).catch((cause: unknown) => cause)
    expect(wrong).toMatchObject({ code: 'TIDINGS_STORE_UNAVAILABLE' })
    expect(JSON.stringify([String(wrong), (wrong as { details: unknown }).details])).not.toContain('guess')
    const store = await open({ url: server.url, password: 'hunter2' })
    await append(store, record())
    await withClient((client) => client.configSet({ requirepass: '' }), server.url.replace('//', '//:hunter2@'))
  })

  it('is still loading its data: opening waits for it', async () => {
    const server = await own({ 'key-load-delay': 40, 'loading-process-events-interval-bytes': 1_024 })
    const store = await open({ url: server.url, prefix: 'tidings' })
    for (let batch = 0; batch < 5; batch++)
      await store.commit(
        Array.from({ length: 40 }, (_, at) => ({
          documents: [{ collection: `c-${batch}-${at}`, id: 'a', put: 'x'.repeat(500) }],
        })),
      )
    await store.close()
    await withClient((client) => client.sendCommand(['BGREWRITEAOF']), server.url)
    await server.kill()
    const starting = server.start()
    const again = await once(() => open({ url: server.url, prefix: 'tidings' }))
    await starting
    expect(again.capabilities.name).toBe('redis')
  })
})

/** What the first attempt gives that succeeds. */
async function once<T>(attempt: () => Promise<T>): Promise<T> {
  let result: T | undefined
  await eventually(async () => {
    result = await attempt()
  }, soon)
  return result as T
}
