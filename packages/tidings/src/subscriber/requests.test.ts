import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { PermanentError } from '../kernel/errors.ts'
import { createTestBus, type TestWorld } from '../testing/create-test-bus.ts'
import { ownerOf, type ParkedEvent } from './parked-event.ts'
import { type ParkedRequest, requestUnit } from './requests.ts'

const OrderPlaced = defineEvent('order.placed')
const OrderSeen = defineEvent('order.seen')

async function ask(
  { store, clock }: TestWorld,
  parked: ParkedEvent,
  id: string,
  action: ParkedRequest['action'],
): Promise<void> {
  const { stream, offset, partition } = parked
  await store.commit([
    requestUnit(ownerOf(parked), id, { action, stream, offset, partition, by: 'user:test', at: clock.now() }),
  ])
}

/** A world with one dead letter, whose handler fails as long as `bad` says. */
async function withDeadLetter(
  onPoison: 'park' | 'skip',
  bad: () => boolean,
): Promise<{ world: TestWorld; attempts: () => number; dead: ParkedEvent }> {
  const world = await createTestBus()
  let attempts = 0
  world.bus.subscribe(OrderPlaced, { name: 'watcher', onPoison }, (_event, { publish }) => {
    attempts++
    if (bad()) throw new PermanentError('bad')
    return publish(OrderSeen, {})
  })
  await world.bus.publish(OrderPlaced, {})
  await world.bus.settled()
  const [dead] = world.parked()
  return { world, attempts: () => attempts, dead: dead as ParkedEvent }
}

describe('a request', () => {
  it('is carried out once, also where it is read again before its answer is known to be written', async () => {
    const { world, attempts, dead } = await withDeadLetter('park', () => true)
    // The read that finds it takes longer than carrying it out, and everything that follows, does.
    await ask(world, dead, 'r-1', 'redrive')
    world.faults.add({ what: 'delay', at: 'request', times: 1, takes: [1_500, 1_500] })
    world.faults.add({ what: 'delay', at: 'find', skip: 2, takes: [900, 900] })
    await world.clock.advance('20s')
    expect({ attempts: attempts(), state: world.parked()[0]?.state, left: await world.store.find('requests') }).toEqual(
      { attempts: 2, state: 'dead', left: [] },
    )
    await world.close()
  })

  for (const onPoison of ['park', 'skip'] as const) {
    it(`handles an event once that was asked for twice (${onPoison})`, async () => {
      for (let slow = 0; slow < 12; slow++) {
        let bad = true
        const { world, dead } = await withDeadLetter(onPoison, () => bad)
        bad = false
        await ask(world, dead, 'r-1', 'redrive')
        await ask(world, dead, 'r-2', 'redrive')
        world.faults.add({ what: 'delay', at: 'find', skip: slow, times: 1, takes: [5_000, 5_000] })
        world.faults.add({ what: 'delay', at: 'request', times: 1, takes: [500, 500] })
        await world.clock.advance('30s')
        expect({
          slow,
          parked: world.parked(),
          seen: world.published(OrderSeen).length,
          left: await world.store.find('requests'),
        }).toEqual({ slow, parked: [], seen: 1, left: [] })
        await world.close()
      }
    })

    it(`drops what it is asked to drop, and lets successors go on (${onPoison})`, async () => {
      const { world, attempts, dead } = await withDeadLetter(onPoison, () => true)
      await ask(world, dead, 'r-1', 'drop')
      await ask(world, dead, 'r-2', 'redrive')
      await world.clock.advance('10s')
      expect({ attempts: attempts(), parked: world.parked(), left: await world.store.find('requests') }).toEqual({
        attempts: 1,
        parked: [],
        left: [],
      })
      await world.close()
    })
  }
})

it('a request is found behind any number of others that are not for this process', async () => {
  let bad = true
  const { world, dead } = await withDeadLetter('park', () => bad)
  const { store, clock } = world
  const { stream, offset } = dead
  const owner = `${dead.subscription}/${dead.run}/0`
  await store.commit(
    Array.from({ length: 1_100 }, (_, at) =>
      requestUnit(owner, `0-${String(at).padStart(5, '0')}`, {
        action: 'redrive',
        stream,
        offset,
        partition: 99,
        by: 'user:test',
        at: 0,
      }),
    ),
  )
  bad = false
  await ask(world, dead, 'redrive', 'redrive')
  await clock.advance('5s')
  expect({ parked: world.parked(), seen: world.published(OrderSeen).length }).toEqual({ parked: [], seen: 1 })
  await world.close()
})

it('a dead letter that has let others pass goes on doing so where it fails again', async () => {
  const world = await createTestBus()
  const { bus, clock, published } = world
  let failure: Error = new PermanentError('bad')
  bus.subscribe(
    OrderPlaced,
    { name: 'watcher', onPoison: 'skip', retry: { backoff: [60_000], parkAbove: 0 } },
    (event, { publish }) => {
      if ((event.data as { bad?: true }).bad === true) throw failure
      return publish(OrderSeen, {})
    },
  )
  await bus.publish(OrderPlaced, { id: 'o-1', bad: true })
  await bus.settled()
  failure = new Error('not yet')
  await ask(world, world.parked()[0] as ParkedEvent, 'r-1', 'redrive')
  await clock.advance('5s')
  expect(world.parked()).toMatchObject([{ state: 'retry', blocking: false }])
  // Whoever takes the partition over knows no more than the document.
  await using other = await createTestBus({ beside: world })
  world.faults.crash()
  other.bus.subscribe(OrderPlaced, { name: 'watcher', onPoison: 'skip' }, (_event, { publish }) =>
    publish(OrderSeen, {}),
  )
  await other.bus.publish(OrderPlaced, { id: 'o-1' })
  await other.clock.advance('30s')
  expect(published(OrderSeen)).toHaveLength(1)
  expect(world.parked()).toHaveLength(1)
})
