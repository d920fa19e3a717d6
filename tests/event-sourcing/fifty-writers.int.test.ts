import { decide, defineAggregate, defineEvent, isTidingsError, load } from 'tidings'
import { afterEach, describe, expect, it } from 'vitest'

import { without } from '../../tools/servers/index.ts'
import { kindsOfStore, type Place } from './stores.ts'

const Counted = defineEvent<{ readonly id: string; readonly writer: number; readonly before: number }>(
  'counter.counted',
)

interface Counter {
  readonly count: number
  readonly writers: readonly number[]
}
const initial: Counter = { count: 0, writers: [] }
const counter = defineAggregate('counter', {
  initial,
  on: [Counted],
  evolve: ({ count, writers }, { data }) => ({ count: count + 1, writers: [...writers, data.writer] }),
  snapshot: { every: 7 },
})
/** The same without snapshots. */
const plainCounter = defineAggregate('counter', {
  initial,
  on: [Counted],
  evolve: (state, event) => counter.evolve(state, event),
})
const count = (writer: number) => (state: Counter) => Counted.create({ id: 'c', writer, before: state.count })

const writers = Array.from({ length: 50 }, (_, writer) => writer)

describe.each(kindsOfStore)('fifty writers on one stream over $name', ({ needs, make }) => {
  describe('by five buses', without(...needs), () => {
    let place: Place | undefined
    afterEach(() => place?.end())

    it('write every version once: who is beaten decides again, over what was written', async () => {
      place = await make()
      const buses = await Promise.all(Array.from({ length: 5 }, () => (place as Place).open()))
      const decisions = await Promise.all(
        writers.map((writer) => decide(buses[writer % 5]!, counter, 'c', count(writer), { tries: 200 })),
      )
      expect(decisions.map(({ version }) => version).toSorted((a, b) => a - b)).toEqual(writers.map((at) => at + 1))
      const [bus] = buses as [(typeof buses)[number]]
      const events = await bus.store.getEvents('counter/c')
      expect(events.map(({ streamVersion }) => streamVersion)).toEqual(writers.map((at) => at + 1))
      // Each was decided over exactly what stands before it.
      expect(events.map(({ data }) => (data as { before: number }).before)).toEqual(writers)
      const { state } = await load(bus, counter, 'c')
      expect(state.writers.toSorted((a, b) => a - b)).toEqual(writers)
      expect((await load(bus, plainCounter, 'c')).state).toEqual(state)
      expect(decisions.some(({ attempts }) => attempts > 1)).toBe(true)
    })

    it('or are told: with one try each, some win, and all others know that they did not', async () => {
      place = await make()
      const buses = await Promise.all(Array.from({ length: 5 }, () => (place as Place).open()))
      const outcomes = await Promise.allSettled(
        writers.map((writer) => decide(buses[writer % 5]!, counter, 'c', count(writer), { tries: 1 })),
      )
      const won = outcomes.flatMap((outcome, writer) => (outcome.status === 'fulfilled' ? [writer] : []))
      const lost = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []))
      expect(won.length).toBeGreaterThanOrEqual(1)
      expect(lost.every((error) => isTidingsError(error, 'TIDINGS_CONFLICT'))).toBe(true)
      const { state, version } = await load(buses[0]!, counter, 'c')
      expect(version).toBe(won.length)
      expect(state.writers.toSorted((a, b) => a - b)).toEqual(won)
    })
  })
})
