import { createReplay, defineEvent, type EventBus, operationsOf, type TimedProgress } from 'tidings'
import { afterEach, describe, expect, it } from 'vitest'

import { without } from '../../tools/servers/index.ts'
import { kindsOfStore, type Place } from './stores.ts'

const Counted = defineEvent<{ readonly counter: string; readonly n: number }>('counter.counted', {
  key: ({ counter }) => counter,
})
const Heard = defineEvent<{ readonly id: string }>('echo.heard')

const numbers = Array.from({ length: 200 }, (_, n) => n)

async function follow(progress: AsyncIterable<TimedProgress>): Promise<readonly TimedProgress[]> {
  const all: TimedProgress[] = []
  for await (const one of progress) all.push(one)
  return all
}

/** Where every subscription stands, but for the runs of replays. */
async function positions(bus: EventBus): Promise<unknown> {
  const all = await operationsOf(bus).subscriptions()
  return all.map(({ name, waiting, parked }) => ({ name, waiting: waiting.events, parked }))
}

describe.each(kindsOfStore)('a replay over $name', ({ needs, make }) => {
  describe('beside live work', without(...needs), () => {
    let place: Place | undefined
    afterEach(() => place?.end())

    it('runs its part through one handler, at its rate, and leaves everything else alone', async () => {
      place = await make()
      const bus = await place.open()
      const live: number[] = []
      const again: number[] = []
      const other: number[] = []
      const called: number[] = []
      bus.subscribe(Counted, { name: 'count', replay: 'safe' }, async ({ data }, { replay, effect, publish }) => {
        ;(replay ? again : live).push(data.n)
        await effect(replay ? 'again' : 'first', () => void called.push(data.n))
        await publish(Heard, { id: `${data.n}` })
      })
      bus.subscribe(Counted, { name: 'other' }, ({ data }) => void other.push(data.n))
      await bus.start()
      await bus.publish(numbers.slice(0, 100).map((n) => Counted.create({ counter: `c-${n % 7}`, n })))
      await expect.poll(() => [live.length, other.length], { timeout: 20_000 }).toEqual([100, 100])

      const replay = createReplay(bus, { into: 'count', streams: ['counter/c-0', 'counter/c-1'], rate: 50 })
      const part = numbers.slice(0, 100).filter((n) => n % 7 < 2)
      expect(await replay.preview()).toMatchObject({ count: part.length, replay: 'safe', recorded: ['first'] })
      const began = performance.now()
      const progress: TimedProgress[] = []
      for await (const one of replay.start()) {
        // Live work goes on meanwhile.
        if (progress.push(one) === 1)
          await bus.publish(numbers.slice(100).map((n) => Counted.create({ counter: `c-${n % 7}`, n })))
      }
      expect(performance.now() - began).toBeGreaterThan(300)
      expect(progress.at(-1)).toMatchObject({ state: 'done', share: 1, count: part.length, parked: 0 })
      expect(again.toSorted((a, b) => a - b)).toEqual(part)
      await expect.poll(() => [live.length, other.length], { timeout: 20_000 }).toEqual([200, 200])
      expect(called).toHaveLength(200)
      expect(new Set(live).size).toBe(200)
      const heard = await bus.store.getEvents({ category: 'echo', key: '0' })
      expect(heard).toHaveLength(1)
      await expect
        .poll(() => positions(bus), { timeout: 20_000 })
        .toEqual([
          { name: 'count', waiting: 0, parked: expect.anything() as unknown },
          { name: 'other', waiting: 0, parked: expect.anything() as unknown },
        ])
    })

    it('into a handler of its own counts history anew', async () => {
      place = await make()
      const bus = await place.open()
      await bus.start()
      await bus.publish(numbers.map((n) => Counted.create({ counter: `c-${n % 7}`, n })))
      const sums = new Map<string, number>()
      const replay = createReplay(bus, {
        into: {
          name: 'recount',
          on: Counted,
          handler: ({ data, key }) => void sums.set(key, (sums.get(key) ?? 0) + (data as { n: number }).n),
        },
      })
      const progress = await follow(replay.start())
      expect(progress.at(-1)).toMatchObject({ state: 'done', count: 200 })
      expect([...sums.values()].reduce((a, b) => a + b, 0)).toBe((199 * 200) / 2)
      expect(sums.size).toBe(7)
    })
  })
})
