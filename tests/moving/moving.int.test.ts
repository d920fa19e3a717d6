import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { createClient } from '@redis/client'
import { runCli } from '@tidings/cli'
import { postgres } from '@tidings/postgres'
import { redis } from '@tidings/redis'
import { sqlite } from '@tidings/sqlite'
import pg from 'pg'
import { createEventBus, defineEvent, type Store } from 'tidings'
import { type Host, realRuntime, type StoreAdapter, type StoredEvent, silentLog, silentMeter } from 'tidings/spi'
import { afterAll, describe, expect, it } from 'vitest'

import { serverUrl, without } from '../../tools/servers/index.ts'

const OrderPlaced = defineEvent<{ orderId: string; total: number }>('order.placed', {
  version: '1.2.0',
  key: (order) => order.orderId,
  priority: 'high',
})
const OrderSeen = defineEvent<{ orderId: string }>('order.seen', { key: (order) => order.orderId })

/** Nothing of these tests stays on servers that others use, too. */
afterAll(async () => {
  if (postgresUrl !== undefined) {
    const client = new pg.Client(postgresUrl)
    await client.connect()
    await client.query(`drop schema if exists moving_${random} cascade`)
    await client.end()
  }
  if (redisUrl !== undefined) {
    const client = await createClient({ url: redisUrl }).connect()
    for (const name of ['moving', 'leaving'])
      for (const key of await client.keys(`{${name}-${random}}*`)) await client.del(key)
    await client.close()
  }
})

const folder = mkdtempSync(join(tmpdir(), 'tidings-moving-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const random = randomBytes(4).toString('hex')
const postgresUrl = await serverUrl('postgres')
const redisUrl = await serverUrl('redis')
const runtime = realRuntime()
const host: Host = { runtime, log: silentLog, meter: silentMeter }

const file = (name: string): StoreAdapter => sqlite(join(folder, `${name}.db`))
const moves = [
  {
    name: 'SQLite to PostgreSQL',
    needs: ['postgres'],
    from: () => file('a'),
    to: () => postgres(postgresUrl ?? '', { schema: `moving_${random}` }),
  },
  {
    name: 'SQLite to Redis',
    needs: ['redis'],
    from: () => file('b'),
    to: () => redis(redisUrl ?? '', { prefix: `moving-${random}`, durability: 'none' }),
  },
  {
    name: 'Redis to SQLite',
    needs: ['redis'],
    from: () => redis(redisUrl ?? '', { prefix: `leaving-${random}`, durability: 'none' }),
    to: () => file('c'),
  },
] as const

describe.each(moves)('a log that moves from $name', ({ needs, from, to }) => {
  describe('with real servers', without(...needs), () => {
    it('has every event once, as it was, in the order of its stream; and new subscriptions hear what comes then', async () => {
      const old = await from().open(host)
      const fresh = await to().open(host)
      const bus = await createEventBus({ store: old, source: '/shop' })
      bus.subscribe(OrderPlaced, { name: 'seen', from: 'beginning' }, (event, { publish }) =>
        publish(OrderSeen, { orderId: event.data.orderId }),
      )
      await bus.start()
      for (let at = 0; at < 60; at++) {
        await bus.publish(OrderPlaced, { orderId: `o-${at % 7}`, total: at }, {
          tenantId: at % 3 === 0 ? 'acme' : undefined,
          userId: 'ada',
          business: { step: at },
        } as never)
      }
      await expect.poll(async () => (await logOf(old)).length, { timeout: 20_000 }).toBe(120)
      await bus.close()

      const exported = (await command(['events', '--all', '--json'], { store: old })).out
      const lines = exported.split('\n')
      // It was interrupted the first time.
      expect((await command(['publish', '-'], { store: fresh, input: lines.slice(0, 50).join('\n') })).code).toBe(0)
      const again = await command(['publish', '-'], { store: fresh, input: exported })
      expect([again.code, again.out, again.err]).toEqual([0, '70 stored, 50 stored already\n', ''])

      const moved = await createEventBus({ store: fresh, source: '/shop' })
      expect(plain(await logOf(fresh))).toEqual(plain(await logOf(old)))
      const heard: number[] = []
      moved.subscribe(OrderPlaced, { name: 'seen' }, (event) => void heard.push(event.data.total))
      await moved.start()
      const receipt = await moved.publish(OrderPlaced, { orderId: 'o-0', total: 1_000 })
      await expect.poll(() => heard, { timeout: 20_000 }).toEqual([1_000])
      expect(receipt.streamVersion).toBeGreaterThan(1)
      await moved.close()
      await old.close()
      await fresh.close()
    })
  })
})

/** Runs a command line on an open store. */
async function command(
  args: readonly string[],
  { store, input = '' }: { readonly store: Store; readonly input?: string },
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const told = { out: '', err: '' }
  const recorder = (to: 'out' | 'err'): Writable =>
    new Writable({
      decodeStrings: false,
      write(chunk: string, _encoding, done) {
        told[to] += chunk
        done()
      },
    })
  const code = await runCli(args, {
    stdout: recorder('out'),
    stderr: recorder('err'),
    stdin: Readable.from([Buffer.from(input)]),
    env: { TIDINGS_URL: 'memory:' },
    runtime,
    signal: new AbortController().signal,
    user: 'ada',
    // What a command closes is its own opening, not the store of the test.
    open: async () =>
      new Proxy(store, {
        get: (target, name) => {
          if (name === 'close') return async () => {}
          const member: unknown = Reflect.get(target, name, target)
          return typeof member === 'function' ? member.bind(target) : member
        },
      }),
  })
  return { code, ...told }
}

async function logOf(store: Awaited<ReturnType<StoreAdapter['open']>>): Promise<StoredEvent[]> {
  const all: StoredEvent[] = []
  for (let after = 0; ; ) {
    const { events, through } = await store.readAll({ after, limit: 500 })
    all.push(...events)
    if (through <= after) return all
    after = through
  }
}

/** What must be the same wherever an event lies, in order of position. */
function plain(events: readonly StoredEvent[]): unknown[] {
  return events.map(({ stream, streamVersion, record }) => {
    const { id, source, type, version, tenant, time, priority, correlation, causation, context, data, checksum } =
      record
    return {
      stream,
      streamVersion,
      id,
      source,
      type,
      version,
      tenant,
      time,
      priority,
      correlation,
      causation,
      context: context === '' ? {} : JSON.parse(context),
      data: String(data),
      checksum,
    }
  })
}
