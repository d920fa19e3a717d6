import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { PermanentError } from '../kernel/errors.ts'
import { operationsOf } from '../operations/operations.ts'
import { createTestBus, type TestWorld } from '../testing/create-test-bus.ts'
import { defineSaga, step } from './define-saga.ts'
import { readSaga, type SagaDocument, sagasCollection } from './saga-document.ts'
import { transition, unbegun } from './transition.ts'

const Placed = defineEvent<{ readonly orderId: string }>('order.placed', { key: ({ orderId }) => orderId })
const order = { orderId: 'o-1' }

async function theSaga(world: TestWorld): Promise<SagaDocument> {
  const [document] = await world.store.find(sagasCollection)
  return readSaga(document as NonNullable<typeof document>)
}

/** Two effects side by side, of which one fails for good; the other ends when it is let. */
function booking(calls: string[], hotel: Promise<void>) {
  return defineSaga('booking', {
    startsWith: Placed,
    timeout: '10m',
    state: () => 0,
    reacts: (on) => [
      on(Placed, async (_state, _event, saga) => {
        await Promise.all([
          saga.effect('flight', () => {
            throw new PermanentError('no seats')
          }),
          saga.effect('hotel', async () => {
            await hotel
            calls.push('hotel')
          }),
        ])
      }),
    ],
    compensate: { flight: () => void calls.push('undo flight'), hotel: () => void calls.push('undo hotel') },
  })
}

describe('a call whose end nobody tells', () => {
  it('is waited for before a reaction that throws has ended', async () => {
    await using world = await createTestBus()
    const calls: string[] = []
    const hotel = Promise.withResolvers<void>()
    world.bus.use(booking(calls, hotel.promise))
    await world.bus.publish(Placed, order)
    await world.clock.advance('5s')
    expect(world.parked()).toEqual([])
    hotel.resolve()
    await world.bus.settled()
    expect(world.parked()).toMatchObject([{ state: 'dead' }])
    expect((await theSaga(world)).steps).toMatchObject({ flight: { is: 'retrying' }, hotel: { is: 'done' } })
    await operationsOf(world.bus).sagas.cancel({ saga: 'booking', key: 'o-1' })
    await world.bus.settled()
    expect((await theSaga(world)).status).toBe('compensated')
    expect(calls).toEqual(['hotel', 'undo hotel', 'undo flight'])
  })

  it('is waited for no longer than half a minute, and a minute and a half by the saga: then it is taken back, too', async () => {
    await using world = await createTestBus()
    const calls: string[] = []
    world.bus.use(booking(calls, new Promise(() => {})))
    await world.bus.publish(Placed, order)
    await world.clock.advance('31s')
    await world.bus.settled()
    expect(world.parked()).toMatchObject([{ state: 'dead' }])
    await operationsOf(world.bus).sagas.cancel({ saga: 'booking', key: 'o-1' })
    await world.bus.settled()
    expect(await theSaga(world)).toMatchObject({
      status: 'compensating',
      steps: { flight: { is: 'failed' }, hotel: { is: 'running' } },
      timers: { 'lost:hotel': { what: 'lost', of: 'hotel' } },
    })
    expect(calls).toEqual([])
    await world.clock.advance('91s')
    await world.bus.settled()
    expect((await theSaga(world)).status).toBe('compensated')
    expect(calls).toEqual(['undo hotel', 'undo flight'])
    expect(await world.store.find('timers')).toEqual([])
  })

  it('fails a step once it has had its timeout and a minute more, whoever goes first', () => {
    const noop = (): void => {}
    const { plan } = defineSaga('thing', {
      startsWith: Placed,
      timeout: 'never',
      steps: [step('a', { run: noop, compensate: noop, timeout: '10s' })],
    })
    const at = (now: number, event: string) => ({
      now,
      heard: { type: 'tidings.test', event, data: {} },
      chance: () => 0.5,
    })
    const begun = transition(plan, unbegun(plan, '', 'k', 0), { kind: 'start' }, at(0, '/test/1')).document
    const cancelled = transition(plan, begun, { kind: 'cancel', run: 1, by: 'ada' }, at(5_000, '/test/2')).document
    expect(cancelled.timers).toMatchObject({ 'lost:a': { at: 70_000 } })
    const called = { kind: 'called', step: 'a', direction: 'run', outcome: { ok: true } } as const
    const inTime = transition(plan, cancelled, called, at(6_000, '/test/1')).document
    expect(inTime).toMatchObject({ timers: {}, steps: { a: { is: 'undoing' } } })
    const due = { kind: 'due', run: 1, timer: 'lost:a', seq: cancelled.seq } as const
    const lost = transition(plan, cancelled, due, at(70_000, '/test/3')).document
    expect(lost).toMatchObject({ timers: {}, steps: { a: { is: 'undoing', by: '/test/3' } } })
    expect(transition(plan, lost, called, at(71_000, '/test/1'))).toEqual({ document: lost, remarks: ['stale'] })
  })
})
