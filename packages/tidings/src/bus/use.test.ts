import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import type { Attachment } from './attachment.ts'
import { partsOf } from './bus-parts.ts'

const OrderPlaced = defineEvent<{ id: string }>('order.placed')

/** Counts what it hears, and keeps a diary of its life. */
function counting(name: string): Attachment & { readonly diary: string[]; heard: number } {
  const made = {
    name,
    diary: [] as string[],
    heard: 0,
    attach(bus: Parameters<Attachment['attach']>[0]) {
      made.diary.push('attached')
      return {
        async prepare() {
          made.diary.push('prepared')
          bus.subscribe(OrderPlaced, { name }, () => void made.heard++)
        },
        started: () => void made.diary.push('started'),
        close: () => void made.diary.push('closed'),
      }
    },
  }
  return made
}

describe('what a bus uses', () => {
  it('is prepared before delivery begins, and closed with the bus', async () => {
    const world = await createTestBus()
    const counter = counting('counter')
    world.bus.use(counter)
    await world.bus.publish(OrderPlaced, { id: 'o-1' })
    await world.bus.settled()
    expect(counter).toMatchObject({ heard: 1, diary: ['attached', 'prepared', 'started'] })
    await world[Symbol.asyncDispose]()
    expect(counter.diary.at(-1)).toBe('closed')
  })

  it('begins at once where the bus has started, once per name', async () => {
    await using world = await createTestBus()
    const { bus } = world
    await bus.start()
    const counter = counting('counter')
    bus.use(counter)
    await bus.start()
    await bus.publish(OrderPlaced, { id: 'o-1' })
    await bus.settled()
    expect(counter.heard).toBe(1)
    expect(() => bus.use(counting('counter'))).toThrow(expect.objectContaining({ code: 'TIDINGS_SUBSCRIPTION_EXISTS' }))
    expect(() => bus.use({ name: 'x' } as Attachment)).toThrow(
      expect.objectContaining({ code: 'TIDINGS_INVALID_OPTION' }),
    )
  })

  it('is prepared, too, where it comes while the bus starts', async () => {
    for (let turns = 0; turns < 12; turns++) {
      await using world = await createTestBus()
      const { bus } = world
      bus.subscribe(OrderPlaced, { name: 'other' }, () => {})
      const starting = bus.start()
      for (let turn = 0; turn < turns; turn++) await Promise.resolve()
      const counter = counting('counter')
      bus.use(counter)
      await starting
      await bus.start()
      await bus.publish(OrderPlaced, { id: 'o-1' })
      await bus.settled()
      expect(counter).toMatchObject({ heard: 1, diary: ['attached', 'prepared', 'started'] })
    }
  })

  it('waits for a store that is away when it comes late', async () => {
    await using world = await createTestBus()
    const { bus, clock } = world
    await bus.start()
    world.faults.add({ what: 'fail', at: 'register', times: 1, lasts: '3s' })
    const late: string[] = []
    bus.subscribe(OrderPlaced, { name: 'late' }, (event) => void late.push(event.data.id))
    await clock.advance('10s')
    await bus.publish(OrderPlaced, { id: 'o-1' })
    await clock.advance('10s')
    expect(late).toEqual(['o-1'])
  })

  it('frees its name where it could not begin', async () => {
    await using world = await createTestBus()
    const { bus } = world
    await bus.start()
    bus.use({ name: 'counter', attach: () => ({ prepare: () => Promise.reject(new Error('no table')) }) })
    await expect(bus.start()).rejects.toThrow('no table')
    const counter = counting('counter')
    bus.use(counter)
    await bus.start()
    expect(counter.diary).toEqual(['attached', 'prepared', 'started'])
  })

  it('refuses the start of the bus when it cannot be prepared', async () => {
    await using world = await createTestBus()
    world.bus.use({
      name: 'failing',
      attach: () => ({ prepare: () => Promise.reject(new Error('no table')) }),
    })
    await expect(world.bus.start()).rejects.toThrow('no table')
  })

  it('may end its own subscription; its name is free again and goes on where it stood', async () => {
    await using world = await createTestBus()
    const { bus } = world
    const heard: string[] = []
    bus.subscribe(OrderPlaced, { name: 'reader' }, (event) => void heard.push(`first ${event.data.id}`))
    await bus.publish(OrderPlaced, { id: 'o-1' })
    await bus.settled()
    await partsOf(bus).endSubscription('reader', 1_000)
    await bus.publish(OrderPlaced, { id: 'o-2' })
    await bus.settled()
    expect(heard).toEqual(['first o-1'])
    bus.subscribe(OrderPlaced, { name: 'reader' }, (event) => void heard.push(`second ${event.data.id}`))
    await bus.start()
    await world.clock.advance('2s')
    await bus.settled()
    expect(heard).toEqual(['first o-1', 'second o-2'])
  })
})
