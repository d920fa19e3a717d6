import { eventually } from '@tidings/conformance'
import { isTidingsError, mulberry32, type Unit } from 'tidings/spi'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { canStartOwn, type OwnServer, proxied, serverUrl, startOwn, without } from '../../../tools/servers/index.ts'
import {
  append,
  atEnd,
  cleanUp,
  commitOne,
  logIds,
  newSchema,
  open,
  statement,
  url,
  withClient,
} from '../tests/postgres-world.ts'
import { record } from '../tests/records.ts'
import type { PostgresStore } from './postgres-store.ts'

const rejections: unknown[] = []
const note = (reason: unknown): void => void rejections.push(reason)
process.on('unhandledRejection', note)
afterAll(() => {
  process.off('unhandledRejection', note)
  expect(rejections).toEqual([])
})

const patience = { deadline: 30_000 }

/** Writers that commit one unit after another, and try again with the same ids where they were not told what became of it. */
class Load {
  readonly acknowledged: string[] = []
  readonly #work: Promise<void>[]
  readonly #writing = { on: true }
  unavailable = 0

  constructor(store: PostgresStore, writers: number) {
    this.#work = Array.from({ length: writers }, (_, writer) => this.#write(store, writer))
  }

  async end(): Promise<void> {
    this.#writing.on = false
    await Promise.all(this.#work)
  }

  async #write(store: PostgresStore, writer: number): Promise<void> {
    for (let unit = 0; this.#writing.on; unit++) {
      const one = record({ key: `w-${writer}` })
      const statements = unit % 4 === 0 ? [statement(['insert into tick values (', ')'], one.id)] : []
      await this.#persist(store, { append: [one], statements })
      this.acknowledged.push(one.id)
    }
  }

  async #persist(store: PostgresStore, unit: Unit): Promise<void> {
    for (;;) {
      try {
        const result = await commitOne(store, unit)
        if (result.status === 'committed') return
        throw new Error(
          `Expected to commit, got ${result.status}: ${result.status === 'refused' ? result.error.message : ''}`,
        )
      } catch (error) {
        if (!isTidingsError(error, 'TIDINGS_COMMIT_UNKNOWN') && !isTidingsError(error, 'TIDINGS_STORE_UNAVAILABLE'))
          throw error
        this.unavailable++
        await new Promise((resolve) => void setTimeout(resolve, 10))
      }
    }
  }
}

await canStartOwn('postgres')

describe('a server that goes away', without('postgres'), () => {
  let server: OwnServer

  beforeAll(async () => {
    server = await startOwn('postgres')
  })
  afterAll(() => server.stop())
  afterEach(cleanUp)

  const ticking = async (): Promise<PostgresStore> => {
    const store = await open(newSchema(server.url), { server: server.url, connectTimeout: 2_000 })
    await commitOne(store, { statements: [statement(['create table tick (id text primary key)'])] })
    return store
  }

  it('is killed and restarted under load: nothing acknowledged is lost, nothing is there twice, and the store recovers by itself', async () => {
    const store = await ticking()
    let wakes = 0
    store.watch(() => void wakes++)
    const load = new Load(store, 8)
    for (const how of ['kill', 'shutdown'] as const) {
      const before = load.acknowledged.length
      await eventually(() => load.acknowledged.length > before + 50, patience)
      const failed = load.unavailable
      await server[how]()
      await eventually(() => load.unavailable > failed, patience)
      await server.start()
    }
    const before = load.acknowledged.length
    await eventually(() => load.acknowledged.length > before + 50, patience)
    await load.end()
    const stored = await logIds(store)
    expect(new Set(stored).size).toBe(stored.length)
    expect(load.acknowledged.filter((id) => !new Set(stored).has(id))).toEqual([])
    const ticks = (await store.query(statement(['select id from tick']))).map((row) => row['id'])
    expect(ticks.every((id) => stored.includes(id as string))).toBe(true)
    // Also whoever watches is woken again.
    const heard = wakes
    await append(store, record())
    await eventually(() => wakes > heard, patience)
  })

  it('is not there: calls reject as unavailable, and so do transactions that were open', async () => {
    const store = await ticking()
    const tx = await store.begin({ hold: 30_000 })
    await server.kill()
    const unavailable = { code: 'TIDINGS_STORE_UNAVAILABLE' }
    await expect(tx.query(statement(['select 1']))).rejects.toMatchObject(unavailable)
    await tx.rollback()
    await eventually(
      () =>
        store.commit([{ append: [record()] }]).then(
          () => false,
          (error) => isTidingsError(error, 'TIDINGS_STORE_UNAVAILABLE'),
        ),
      patience,
    )
    await expect(store.readAll({ after: 0, limit: 1 })).rejects.toMatchObject(unavailable)
    await expect(store.find('c')).rejects.toMatchObject(unavailable)
    await expect(store.prune({ through: 1, limit: 1 })).rejects.toMatchObject(unavailable)
    await expect(store.query(statement(['select 1']))).rejects.toMatchObject(unavailable)
    await expect(store.begin({ hold: 100 })).rejects.toMatchObject(unavailable)
    await store.close()
    await server.start()
  })

  it('is silent: calls are given up after `timeout`, commits as unknown, and closing ends all the same', async () => {
    const schema = newSchema(server.url)
    const store = await open(schema, { server: server.url, connectTimeout: 500, timeout: 500 })
    store.watch(() => {})
    await append(store, record())
    const tx = await store.begin({ hold: 30_000 })
    await server.pause()
    const commit = expect(store.commit([{ append: [record()] }])).rejects.toMatchObject({
      code: 'TIDINGS_COMMIT_UNKNOWN',
    })
    const read = expect(store.readAll({ after: 0, limit: 1 })).rejects.toMatchObject({
      code: 'TIDINGS_STORE_UNAVAILABLE',
    })
    await Promise.all([commit, read])
    await tx.rollback()
    await store.close()
    await server.resume()
  })

  it('is silent: a transaction that it does not answer ends as unavailable, for its `hold` says nothing about what was asked', async () => {
    const store = await open(newSchema(server.url), { server: server.url, connectTimeout: 500 })
    const [asking, idle] = [await store.begin({ hold: 300 }), await store.begin({ hold: 300 })]
    await server.pause()
    try {
      await expect(asking.query(statement(['select 1']))).rejects.toMatchObject({ code: 'TIDINGS_STORE_UNAVAILABLE' })
      await expect(asking.query(statement(['select 1']))).rejects.toMatchObject({ code: 'TIDINGS_STORE_UNAVAILABLE' })
      await expect(idle.query(statement(['select 1']))).rejects.toMatchObject({ code: 'TIDINGS_TX_HOLD' })
    } finally {
      await server.resume()
    }
  })

  it('is silent: a transaction is not waited for longer than a connection is', async () => {
    const store = await open(newSchema(server.url), { server: server.url, connectTimeout: 500 })
    await (await store.begin({ hold: 30_000 })).rollback()
    await server.pause()
    try {
      const began = performance.now()
      await expect(store.begin({ hold: 30_000 })).rejects.toMatchObject({ code: 'TIDINGS_STORE_UNAVAILABLE' })
      expect(performance.now() - began).toBeLessThan(10_000)
    } finally {
      await server.resume()
    }
  })

  it('ends single connections under load, as administrators do: nothing acknowledged is lost', async () => {
    const seed = Math.floor(Math.random() * 1_000_000)
    const random = mulberry32(seed)
    const store = await ticking()
    const load = new Load(store, 6)
    await withClient(async (client) => {
      for (let round = 0; round < 8; round++) {
        const before = load.acknowledged.length
        await eventually(() => load.acknowledged.length > before + 10, patience)
        const share = random()
        await client.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tidings' and random() < $1",
          [share],
        )
      }
    }, server.url)
    await load.end()
    const stored = new Set(await logIds(store))
    expect(
      load.acknowledged.filter((id) => !stored.has(id)),
      `seed ${seed}`,
    ).toEqual([])
  })
})

await serverUrl('toxiproxy')

describe('a network that fails', without('postgres', 'toxiproxy'), () => {
  afterEach(cleanUp)

  it.each(['down', 'reset', 'halfOpen'] as const)(
    'is %s under load and comes back: nothing acknowledged is lost',
    async (how) => {
      const proxy = await proxied(url as string)
      atEnd(() => proxy.close())
      const store = await open(newSchema(), { server: proxy.url, connectTimeout: 500, timeout: 500 })
      await commitOne(store, { statements: [statement(['create table tick (id text primary key)'])] })
      const load = new Load(store, 4)
      await eventually(() => load.acknowledged.length > 20, patience)
      await proxy[how]()
      await eventually(() => load.unavailable > 2, patience)
      await proxy.up()
      const before = load.acknowledged.length
      await eventually(() => load.acknowledged.length > before + 20, patience)
      await load.end()
      const stored = await logIds(store)
      expect(new Set(stored).size).toBe(stored.length)
      expect(load.acknowledged.filter((id) => !stored.includes(id))).toEqual([])
    },
  )
})
