import { setTimeout as pause } from 'node:timers/promises'

import { createEventBus, type EventBus } from 'tidings'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { serverUrl, without } from '../../tools/servers/index.ts'
import { bound, compare } from './compare.ts'
import { heldBytes } from './heap.ts'
import { inMemory, onFile, onPostgres, type Place } from './places.ts'
import { Stopwatch, Ticked } from './stopwatch.ts'

await serverUrl('postgres')

/** Events that the neighbour falls behind by while memory is watched. */
const backlog = 20_000
/** What may stay over from that many events, all in all: buffers and tables that grow for a while. */
const slack = 8 * 1024 * 1024

const stores = [
  // The log itself is in memory there, and keeps what a subscription has not passed: the event, its envelope, its places in indexes.
  { store: 'memory', place: inMemory, servers: [], keeps: 4_096 },
  { store: 'SQLite', place: onFile, servers: [], keeps: 0 },
  { store: 'PostgreSQL', place: onPostgres, servers: ['postgres'], keeps: 0 },
] as const

describe.each(stores)(
  'on $store, beside a subscription that sleeps ten seconds over each event',
  ({ store, place, servers, keeps }) => {
    describe('another one', without(...servers), () => {
      const places: Place[] = []
      const buses: EventBus[] = []
      let alone: Stopwatch
      let beside: Stopwatch
      let slept = 0

      const world = async (sleepy: boolean): Promise<Stopwatch> => {
        const home = await place()
        places.push(home)
        // A log in memory would be trimmed alone and not beside one who is behind: neither is, so that only neighbours are compared.
        const bus = await createEventBus({ url: home.url, keep: 1_000_000 })
        buses.push(bus)
        const watch = new Stopwatch(bus)
        if (sleepy)
          bus.subscribe(Ticked, { name: 'sleepy' }, async (_, { signal }) => {
            slept++
            await pause(10_000, undefined, { signal })
          })
        await bus.start()
        return watch
      }

      beforeAll(async () => {
        alone = await world(false)
        beside = await world(true)
        // More than the neighbour takes in advance, so that it has all it can hold.
        for (const watch of [alone, beside]) await watch.pass(1_500)
      })

      afterAll(async () => {
        await Promise.all(buses.map((bus) => bus.close({ deadline: 1_000 })))
        for (const { end } of places) await end()
      })

      it('is about as fast as alone, by its 99th percentile', async () => {
        const ratio = await compare(store, alone, beside)
        expect(slept).toBeGreaterThan(0)
        expect(ratio).toBeLessThanOrEqual(bound)
      }, 240_000)

      it('needs no more memory the farther the sleeper is behind', async () => {
        const before = await heldBytes()
        await beside.pass(backlog)
        const grown = (await heldBytes()) - before
        process.stdout.write(`${store}: ${backlog} events later, ${(grown / 1024).toFixed(0)} KB more are held\n`)
        expect(slept).toBeLessThan(200)
        expect(grown).toBeLessThan(slack + backlog * keeps)
      }, 240_000)
    })
  },
)
