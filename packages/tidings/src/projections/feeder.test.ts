import { expect, it } from 'vitest'

import { partsOf } from '../bus/bus-parts.ts'
import { defineEvent } from '../events/define-event.ts'
import { priorityRank } from '../events/event.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import { documents } from './collection.ts'
import { defineProjection } from './define-projection.ts'

const Counted = defineEvent<{ readonly id: string }>('thing.counted')

const things = (version: number) =>
  defineProjection('things', {
    version,
    switch: 'manual',
    documents: { things: documents<{ readonly id: string }>({}) },
    on: (on) => [on(Counted, ({ data }, { documents }) => documents.things.put(data.id, data))],
  })

it('gives a build what nobody else wants, and no less than others have once it is built', async () => {
  await using world = await createTestBus()
  world.bus.use(things(1))
  for (let n = 0; n < 5; n++) await world.bus.publish(Counted, { id: `t-${n}` })
  await world.bus.settled()
  await using beside = await createTestBus({ beside: world })
  const second = things(2)
  beside.bus.use(second)
  const rank = (): number | undefined => partsOf(beside.bus).engines.get('projection:things:2')?.rank
  await beside.bus.start()
  expect(rank()).toBe(priorityRank.low)
  await world.clock.advance('60s')
  expect((await second.of(beside.bus).status()).generations).toMatchObject([{}, { state: 'ready' }])
  expect(rank()).toBe(priorityRank.normal)
})
