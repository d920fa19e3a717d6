import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@redis/client'
import { postgres } from '@tidings/postgres'
import { redis } from '@tidings/redis'
import { sqlite } from '@tidings/sqlite'
import pg from 'pg'
import { createEventBus, type EventBus, type EventBusOptions, memoryStore } from 'tidings'

import { type ServerName, serverUrl } from '../../tools/servers/index.ts'

/** A store that is nobody else's, as several processes would open it. */
export interface Place {
  /** One more bus on it. */
  open(options?: Partial<EventBusOptions>): Promise<EventBus>
  /** Closes all of them, and takes the store away. */
  end(): Promise<void>
}

export interface KindOfStore {
  readonly name: string
  readonly needs: readonly ServerName[]
  readonly make: () => Promise<Place>
}

const postgresUrl = await serverUrl('postgres')
const redisUrl = await serverUrl('redis')

export const kindsOfStore: readonly KindOfStore[] = [
  {
    name: 'memory',
    needs: [],
    make: async () => {
      const store = memoryStore()
      return placeOf(
        () => ({ store }),
        () => store.close(),
      )
    },
  },
  {
    name: 'SQLite',
    needs: [],
    make: async () => {
      const folder = mkdtempSync(join(tmpdir(), 'tidings-event-sourcing-'))
      return placeOf(
        () => ({ store: sqlite(join(folder, 'tidings.db')) }),
        async () => rmSync(folder, { recursive: true, force: true }),
      )
    },
  },
  {
    name: 'PostgreSQL',
    needs: ['postgres'],
    make: async () => {
      const schema = `sourcing_${randomBytes(4).toString('hex')}`
      return placeOf(
        () => ({ store: postgres(postgresUrl as string, { schema, pool: 2 }) }),
        async () => {
          const client = new pg.Client(postgresUrl)
          await client.connect()
          await client.query(`drop schema if exists ${schema} cascade`)
          await client.end()
        },
      )
    },
  },
  {
    name: 'Redis',
    needs: ['redis'],
    make: async () => {
      const prefix = `sourcing-${randomBytes(4).toString('hex')}`
      return placeOf(
        () => ({ store: redis(redisUrl as string, { prefix, durability: 'none' }) }),
        async () => {
          const client = await createClient({ url: redisUrl as string }).connect()
          for (const key of await client.keys(`{${prefix}}*`)) await client.del(key)
          await client.close()
        },
      )
    },
  },
]

function placeOf(options: () => Pick<EventBusOptions, 'store'>, end: () => Promise<unknown>): Place {
  const buses: EventBus[] = []
  return {
    async open(more = {}) {
      const bus = await createEventBus({ ...options(), ...more })
      buses.push(bus)
      return bus
    },
    async end() {
      await Promise.all(buses.map((bus) => bus.close()))
      await end()
    },
  }
}
