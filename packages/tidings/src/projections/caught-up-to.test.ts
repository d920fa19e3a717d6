import { expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { PermanentError } from '../kernel/errors.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import { documents } from './collection.ts'
import { defineProjection } from './define-projection.ts'

const Counted = defineEvent<{ readonly id: string }>('thing.counted')

it('tells of parked events up to the position, and of none beyond', async () => {
  await using world = await createTestBus()
  const projection = defineProjection('things', {
    version: 1,
    documents: { things: documents({}) },
    on: (on) => [
      on(Counted, () => {
        throw new PermanentError('No')
      }),
    ],
  })
  world.bus.use(projection)
  await world.bus.start()
  const positions: number[] = []
  for (const id of ['a', 'b', 'c']) positions.push((await world.bus.publish(Counted, { id })).position)
  await world.clock.advance('60s')
  for (const [at, position] of positions.entries())
    expect(await projection.of(world.bus).caughtUpTo(position)).toEqual({ generation: 1, parked: at + 1 })
})
