import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { isEvent } from '../events/is-event.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import { decide } from './decide.ts'
import { defineAggregate } from './define-aggregate.ts'
import { load } from './load.ts'

const Asked = defineEvent<{ id: string; how: 'blind' | 'decide' }>('asked', { key: ({ id }) => id })
const Taken = defineEvent<{ sku: string; by: string }>('stock.taken', { key: ({ sku }) => sku })
const stock = defineAggregate('stock', {
  initial: [] as string[],
  on: [Taken],
  evolve: (taken: string[], event) => (isEvent(event, Taken) ? [...taken, event.data.by] : taken),
  snapshot: { every: 1 },
})

/** Resolves for everybody once `count` have come. */
function meeting(count: number): () => Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  let come = 0
  return () => {
    if (++come === count) resolve()
    return promise
  }
}

describe('handlers that end in the same moment', () => {
  it.each([0, 20])(
    'one that decides over a stream does not stand beside one that publishes to it unseen (%i turns later)',
    async (turns) => {
      await using world = await createTestBus()
      const { bus } = world
      const both = meeting(2)
      bus.subscribe(Asked, { name: 'taking' }, async ({ data }, context) => {
        if (data.how === 'blind') {
          for (let turn = 0; turn < turns; turn++) await Promise.resolve()
          await context.publish(Taken, { sku: 'tea', by: 'blind' })
        } else {
          // There is one, and only one may take it.
          const one = (taken: readonly string[]) =>
            taken.length === 0 ? Taken.create({ sku: 'tea', by: 'decide' }) : undefined
          await decide(bus, stock, 'tea', one, { within: context })
        }
        await both()
      })
      await bus.publish([Asked.create({ id: 'a', how: 'blind' }), Asked.create({ id: 'b', how: 'decide' })])
      await world.clock.advance('5s')
      await bus.settled()
      const log = world.published(Taken).map(({ data }) => data.by)
      expect(log).not.toEqual(['blind', 'decide'])
      expect((await load(bus, stock, 'tea')).state).toEqual(log)
    },
  )
})

it('a handler cannot decide over a stream that it has published to by itself', async () => {
  await using world = await createTestBus()
  const { bus } = world
  const seen: unknown[] = []
  bus.subscribe(Asked, { name: 'taking', retry: { tries: 1 } }, async (_event, context) => {
    await context.publish(Taken, { sku: 'tea', by: 'blind' })
    await decide(bus, stock, 'tea', () => Taken.create({ sku: 'tea', by: 'decide' }), { within: context }).catch(
      (error: unknown) => {
        seen.push(error)
        throw error
      },
    )
  })
  await bus.publish(Asked, { id: 'a', how: 'blind' })
  await bus.settled()
  expect(seen).toMatchObject([{ code: 'TIDINGS_NOT_SUPPORTED' }])
  expect(world.published(Taken)).toEqual([])
})

it.each(['before', 'between'])('nor where it has published to it %s two decisions', async (when) => {
  await using world = await createTestBus()
  const { bus } = world
  const seen: unknown[] = []
  const take = (by: string) => () => Taken.create({ sku: 'tea', by })
  bus.subscribe(Asked, { name: 'taking', retry: { tries: 1 } }, async (_event, within) => {
    if (when === 'between') await decide(bus, stock, 'tea', take('first'), { within })
    await within.publish(Taken, { sku: 'tea', by: 'blind' })
    await within.publish(Taken, { sku: 'rum', by: 'elsewhere' })
    await decide(bus, stock, 'tea', take('second'), { within }).catch((error: unknown) => void seen.push(error))
    throw new Error('after all')
  })
  await bus.publish(Asked, { id: 'a', how: 'blind' })
  await bus.settled()
  expect(seen).toMatchObject([{ code: 'TIDINGS_NOT_SUPPORTED', details: { category: 'stock' } }])
})
