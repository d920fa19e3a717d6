import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { postgres } from '@tidings/postgres'
import { redis } from '@tidings/redis'
import { sqlite } from '@tidings/sqlite'
import pg from 'pg'
import { memoryStore, type Store } from 'tidings'
import { realRuntime } from 'tidings/spi'

/** Real time for the store, whatever time the bus on it lives in. */
const host = { runtime: realRuntime(), log: () => {}, meter: silent() }

/** Makes stores that are nobody else's; closing one takes it away. */
export type MakeStore = () => Promise<Store>

export const inMemory: MakeStore = async () => memoryStore({ partitions: 2 })

export const onSqlite: MakeStore = async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-sagas-'))
  // What a power cut would take is not what these tests are about.
  const store = await sqlite(join(folder, 'tidings.db'), { durability: 'off', partitions: 2 }).open(host)
  return closing(store, async () => rmSync(folder, { recursive: true, force: true }))
}

export function onPostgres(url: string): MakeStore {
  return async () => {
    const schema = `sagas_${randomBytes(4).toString('hex')}`
    const store = await postgres(url, { schema, pool: 2, partitions: 2 }).open(host)
    return closing(store, async () => {
      const client = new pg.Client(url)
      await client.connect()
      await client.query(`drop schema if exists ${schema} cascade`)
      await client.end()
    })
  }
}

export function onRedis(url: string): MakeStore {
  return async () => {
    const prefix = `sagas-${randomBytes(4).toString('hex')}`
    const store = await redis(url, { prefix, durability: 'none', partitions: 2 }).open(host)
    return closing(store, async () => {
      await wipe(url, `{${prefix}}*`)
    })
  }
}

function closing(store: Store, after: () => Promise<void>): Store {
  return new Proxy(store, {
    get(target, name) {
      if (name === 'close')
        return async () => {
          await target.close()
          await after()
        }
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/** One command is all there is to say to the server, so no client is needed. */
async function wipe(url: string, keys: string): Promise<void> {
  const script = "for _, key in ipairs(redis.call('keys', ARGV[1])) do redis.call('del', key) end"
  const words = ['EVAL', script, '0', keys]
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.write(`*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`)
  await once(socket, 'data')
  socket.destroy()
}

function silent() {
  const nothing = { add() {}, record() {} }
  return { counter: () => nothing, gauge: () => {}, histogram: () => nothing }
}
