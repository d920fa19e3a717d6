import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { PermanentError } from '../kernel/errors.ts'
import { sleep } from '../kernel/runtime.ts'
import { busStatus } from '../operations/bus-status.ts'
import { operationsOf, operationsOn } from '../operations/operations.ts'
import { createTestBus, type TestWorld } from '../testing/create-test-bus.ts'

const Placed = defineEvent<{ readonly id: string; readonly n: number }>('order.placed')

async function pauses({ bus }: TestWorld): Promise<readonly string[]> {
  return (await busStatus(bus)).subscriptions[0]?.paused ?? []
}

async function publish({ bus }: TestWorld, streams: readonly string[]): Promise<void> {
  await bus.publish(streams.map((id, n) => Placed.create({ id, n })))
}

const many = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l']

describe("a subscription that halts (`onPoison: 'halt'`)", () => {
  it.each([1, 12])(
    'takes failures of all streams for an outage, not for poison: concurrency %i',
    async (concurrency) => {
      await using world = await createTestBus()
      const { bus, clock } = world
      let away = true
      const handled: string[] = []
      bus.subscribe(
        Placed,
        { name: 'ledger', onPoison: 'halt', concurrency, retry: { tries: 1 } },
        async ({ data: { id } }) => {
          await sleep(clock.runtime, 5)
          if (away) throw new Error('something is wrong')
          handled.push(id)
        },
      )
      await bus.start()
      await publish(world, many)
      await clock.advance('5s')
      expect(await pauses(world)).toEqual([])
      away = false
      await clock.advance('2m')
      expect({ pauses: await pauses(world), handled: handled.toSorted() }).toEqual({ pauses: [], handled: many })
    },
  )

  it('halts when another stream succeeds: then its dependencies are there', async () => {
    await using world = await createTestBus()
    const { bus, clock } = world
    const handled: string[] = []
    bus.subscribe(
      Placed,
      { name: 'ledger', onPoison: 'halt', concurrency: 1, retry: { tries: 1 } },
      async ({ data: { id } }) => {
        await sleep(clock.runtime, 5)
        if (id === 'a') throw new Error('poison')
        handled.push(id)
      },
    )
    await bus.start()
    await publish(world, many)
    await clock.advance('1m')
    expect({ pauses: await pauses(world), handled }).toEqual({ pauses: ['halted'], handled: ['b'] })
  })

  it('halts at once where nothing else is at work', async () => {
    await using world = await createTestBus()
    const { bus, clock } = world
    bus.subscribe(Placed, { name: 'ledger', onPoison: 'halt', retry: { tries: 2, backoff: [10] } }, () => {
      throw new Error('poison')
    })
    await bus.start()
    await publish(world, ['a', 'a'])
    await clock.advance('1s')
    expect(await pauses(world)).toEqual(['halted'])
  })

  it('starts nothing any more once it has halted', async () => {
    await using world = await createTestBus()
    const { bus, clock } = world
    const begun: string[] = []
    bus.subscribe(Placed, { name: 'ledger', onPoison: 'halt' }, ({ data: { id } }) => {
      begun.push(id)
      if (id === 'c') throw new PermanentError('poison')
    })
    await bus.start()
    await publish(world, many)
    await clock.advance('1m')
    expect({ pauses: await pauses(world), begun }).toEqual({ pauses: ['halted'], begun: ['a', 'b', 'c'] })
  })

  it('goes on where an operator resumes it, and halts again where nothing was mended', async () => {
    await using world = await createTestBus()
    const { bus, clock } = world
    let mended = false
    const handled: number[] = []
    bus.subscribe(
      Placed,
      { name: 'ledger', onPoison: 'halt', retry: { tries: 2, backoff: [10] } },
      ({ data: { n } }) => {
        if (n === 0 && !mended) throw new Error('poison')
        handled.push(n)
      },
    )
    await bus.start()
    await publish(world, ['a', 'a', 'b'])
    await clock.advance('1s')
    const operations = operationsOf(bus)
    for (const now of [false, true]) {
      mended = now
      expect(await pauses(world)).toEqual(['halted'])
      const resuming = operations.resume('ledger', { by: 'ada' })
      await clock.advance('10s')
      expect(await resuming).toMatchObject({ subscription: 'ledger', answered: 8, open: 0 })
    }
    expect({ pauses: await pauses(world), handled: handled.toSorted((a, b) => a - b) }).toEqual({
      pauses: [],
      handled: [0, 1, 2],
    })
    expect((await operations.audit()).map(({ action, by }) => `${by} ${action}`)).toEqual(['ada resume', 'ada resume'])
    expect(await world.store.find('requests')).toEqual([])
    await expect(operations.resume('nobody')).rejects.toMatchObject({ code: 'TIDINGS_NOT_FOUND' })
  })

  it('leaves the request where no process runs it', async () => {
    const world = await createTestBus()
    world.bus.subscribe(Placed, { name: 'ledger', onPoison: 'halt' }, () => {})
    await world.bus.start()
    await world.close()
    const { store, clock } = world
    const resuming = operationsOn(store, { runtime: clock.runtime }).resume('ledger', { deadline: '1s' })
    await clock.advance('2s')
    expect(await resuming).toMatchObject({ answered: 0, open: 8 })
    expect(await store.find('requests')).toHaveLength(8)
  })
})
