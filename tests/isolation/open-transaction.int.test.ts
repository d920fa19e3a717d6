import { setTimeout as pause } from 'node:timers/promises'

import { createEventBus, type EventBus, sql } from 'tidings'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { serverUrl, without } from '../../tools/servers/index.ts'
import { bound, compare } from './compare.ts'
import { once, onPostgres, type Place } from './places.ts'
import { Stopwatch, Ticked } from './stopwatch.ts'

await serverUrl('postgres')

describe('on PostgreSQL, beside handlers that write in a transaction and then sleep in it for half a minute', () => {
  describe('another subscription, which writes, too', without('postgres'), () => {
    const places: Place[] = []
    const buses: EventBus[] = []
    let alone: Stopwatch
    let beside: Stopwatch
    let crowded: Place
    let asleep = 0

    const world = async (sleepy: boolean): Promise<Stopwatch> => {
      const place = await onPostgres()
      places.push(place)
      await once(place.url, 'create table seen (n bigint); create table slept (n bigint)')
      const bus = await createEventBus({ url: place.url, txHold: '60s' })
      buses.push(bus)
      const watch = new Stopwatch(bus, ({ data }, { write }) => write(sql`insert into seen values (${data.n})`))
      if (sleepy) {
        crowded = place
        bus.subscribe(Ticked, { name: 'sleepy', timeout: '60s' }, async ({ data }, { tx, signal }) => {
          await tx.sql`insert into slept values (${data.n})`
          asleep++
          await pause(30_000, undefined, { signal })
        })
      }
      await bus.start()
      return watch
    }

    beforeAll(async () => {
      alone = await world(false)
      beside = await world(true)
      for (const watch of [alone, beside]) await watch.pass(1_500)
    })

    afterAll(async () => {
      await Promise.all(buses.map((bus) => bus.close({ deadline: 1_000 })))
      for (const { end } of places) await end()
    })

    it('hears what is published meanwhile: transactions that have written and stay open hold back no position', async () => {
      const horizon = `select count(*)::integer as open, max(age(backend_xid))::integer as age
        from pg_stat_activity where state = 'idle in transaction' and datname = current_database() and backend_xid is not null`
      await expect.poll(async () => (await once(crowded.url, horizon))[0]?.['open']).toBe(8)
      const [early] = await once(crowded.url, horizon)
      const before = beside.handled
      await beside.pass(500)
      expect(beside.handled).toBe(before + 500)
      // They are open still, and hundreds of transactions have begun and ended since.
      const [late] = await once(crowded.url, horizon)
      expect(late?.['open']).toBeGreaterThan(0)
      expect(Number(late?.['age'])).toBeGreaterThan(Number(early?.['age']) + 10)
    })

    it('is about as fast as alone, by its 99th percentile', async () => {
      const ratio = await compare('PostgreSQL, open transactions', alone, beside)
      expect(asleep).toBeGreaterThanOrEqual(8)
      expect(ratio).toBeLessThanOrEqual(bound)
    }, 240_000)
  })
})
