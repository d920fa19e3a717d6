import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { PermanentError, RetryAfter } from '../kernel/errors.ts'
import { createTestBus, type TestWorld } from '../testing/create-test-bus.ts'
import { documents } from './collection.ts'
import { defineProjection } from './define-projection.ts'
import type { ProjectionStatus } from './projection-status.ts'

const Counted = defineEvent<{ readonly id: string; readonly n: number }>('thing.counted', { key: ({ id }) => id })

/** `apply` may throw for what cannot be applied. */
const things = (version: number, apply: (n: number) => void = () => {}) =>
  defineProjection('things', {
    version,
    documents: { things: documents<{ readonly n: number }>({}) },
    on: (on) => [
      on(Counted, ({ data: { id, n } }, { documents: { things } }) => {
        apply(n)
        things.put(id, { n })
      }),
    ],
  })

const below = (n: number): void => {
  if (n < 0) throw new PermanentError('Below zero')
}

/** Two things, each counted twice, and one of them below zero first. */
async function counted(world: TestWorld, projection = things(1)): Promise<() => Promise<ProjectionStatus>> {
  world.bus.use(projection)
  await world.bus.start()
  for (const n of [-1, 2]) for (const id of ['a', 'b']) await world.bus.publish(Counted, { id, n: id === 'a' ? n : 1 })
  await world.bus.settled()
  return () => projection.of(world.bus).status()
}

describe('a new version of a projection', () => {
  it('waits for somebody to switch it where it cannot apply what the live one has applied', async () => {
    await using world = await createTestBus()
    const status = await counted(world)
    await using beside = await createTestBus({ beside: world })
    beside.bus.use(things(2, below))
    await beside.bus.start()
    await world.clock.advance('60s')
    expect(await status()).toMatchObject({
      live: 1,
      generations: [
        { state: 'live', parked: 0 },
        {
          state: 'ready',
          parked: 2,
          parity: { verdict: 'refused', says: expect.stringMatching(/^2 events are parked/) },
        },
      ],
    })
  })

  it('is switched to where the live one could not apply the same events', async () => {
    await using world = await createTestBus()
    const status = await counted(world, things(1, below))
    await using beside = await createTestBus({ beside: world })
    beside.bus.use(things(2, below))
    await beside.bus.start()
    await world.clock.advance('60s')
    expect(await status()).toMatchObject({ live: 2, generations: [{ parked: 2 }, { state: 'live', parked: 2 }] })
  })

  it('waits for events that are tried again, and is switched to once they are applied', async () => {
    await using world = await createTestBus()
    const status = await counted(world)
    await using beside = await createTestBus({ beside: world })
    let refuses = true
    beside.bus.use(
      things(2, (n) => {
        if (n < 0 && refuses) throw new RetryAfter(20_000)
      }),
    )
    await beside.bus.start()
    await world.clock.advance('15s')
    expect(await status()).toMatchObject({
      live: 1,
      generations: [{}, { state: 'building', parked: 2, dead: 0, parity: { verdict: 'unchecked' } }],
    })
    refuses = false
    await world.clock.advance('60s')
    expect(await status()).toMatchObject({ live: 2, generations: [{ state: 'kept' }, { state: 'live', parked: 0 }] })
  })
})
