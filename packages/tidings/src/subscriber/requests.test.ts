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
