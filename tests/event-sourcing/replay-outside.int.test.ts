import { createReplay, defineEvent, type EventBus, operationsOf } from 'tidings'
import { afterEach, describe, expect, it } from 'vitest'

import { without } from '../../tools/servers/index.ts'
import { type Outside, openOutside } from './outside.ts'
import { kindsOfStore, type Place } from './stores.ts'

const Shipped = defineEvent<{ readonly parcel: string; readonly n: number }>('parcel.shipped', {
  key: ({ parcel }) => parcel,
})

const hour = 3_600_000
const perHour = 60

/** Where every live run stands, in each of its partitions. */
async function positions(
  bus: EventBus,
): Promise<readonly { readonly name: string; readonly watermarks: readonly number[] }[]> {
  const all = await operationsOf(bus).subscriptions()
  return all.map(({ name, partitions }) => ({ name, watermarks: partitions.map(({ watermark }) => watermark) }))
}

describe.each(kindsOfStore.filter(({ name }) => name !== 'memory'))('a past hour over $name', ({ needs, make }) => {
  describe('beside the outside world', without(...needs), () => {
    let place: Place | undefined
    let outside: Outside | undefined
    afterEach(async () => {
      await place?.end()
      await outside?.end()
    })

    it('is handled again, and nobody out there hears of it', async () => {
      place = await make()
      outside = await openOutside()
      const { mail, call, arrived } = outside
      const bus = await place.open()
      const again: number[] = []
      let others = 0
      bus.subscribe(Shipped, { name: 'tell', replay: 'safe' }, async ({ data }, { effect, replay }) => {
        if (replay) again.push(data.n)
        // A call of which there is a record, and one of which there is none, as when the handler has learned it only now.
        await effect('mail', (key) => mail(data.parcel, key))
        await effect(replay ? 'call-anew' : 'call', (key) => call(data.parcel, key))
      })
      bus.subscribe(Shipped, { name: 'others' }, () => void others++)
      await bus.start()
      const began = Date.now() - 3 * hour
      let head = 0
      const all = Array.from({ length: 3 * perHour }, (_, n) => n)
      for (const n of all) {
        const timestamp = began + n * (hour / perHour)
        head = (await bus.publish(Shipped, { parcel: `p-${n % 20}`, n }, { timestamp })).position
      }
      await expect
        .poll(() => ({ ...arrived(), others }), { timeout: 60_000 })
        .toEqual({ mails: all.length, requests: all.length, others: all.length })
      // Partitions that have nothing to do tell how far they have looked every few seconds.
      const lowest = async (): Promise<number> =>
        Math.min(...(await positions(bus)).flatMap(({ watermarks }) => watermarks))
      await expect.poll(lowest, { timeout: 20_000 }).toBeGreaterThanOrEqual(head)
      const before = await positions(bus)

      const second = { from: new Date(began + hour), to: new Date(began + 2 * hour) }
      const replay = createReplay(bus, { into: 'tell', ...second })
      expect(await replay.preview()).toMatchObject({ count: perHour, effects: 'skip' })
      let last: unknown
      for await (const progress of replay.start()) last = progress
      expect(last).toMatchObject({ state: 'done', count: perHour, parked: 0 })
      expect(again.toSorted((a, b) => a - b)).toEqual(all.slice(perHour, 2 * perHour))
      // Zero out there, and nobody else was asked; what is live stands where it stood.
      expect({ ...arrived(), others }).toEqual({ mails: all.length, requests: all.length, others: all.length })
      expect(await positions(bus)).toEqual(before)

      const unsafe = createReplay(bus, { into: 'others', ...second })
      await expect(unsafe.start()[Symbol.asyncIterator]().next()).rejects.toMatchObject({
        code: 'TIDINGS_NOT_SUPPORTED',
        details: { subscription: 'others' },
      })
      expect(others).toBe(all.length)
    })
  })
})
