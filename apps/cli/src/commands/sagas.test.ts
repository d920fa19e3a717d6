import {
  createEventBus,
  defineEvent,
  defineSaga,
  defineSchedule,
  type EventBus,
  memoryStore,
  type Store,
  step,
} from 'tidings'
import { virtualRuntime } from 'tidings/testing'
import { afterEach, describe, expect, it } from 'vitest'

import { runInProcess } from '../../tests/run-in-process.ts'

const OrderPlaced = defineEvent<{ readonly orderId: string; readonly email: string }>('order.placed', {
  key: (order) => order.orderId,
})
const OrderApproved = defineEvent<{ readonly orderId: string }>('order.approved', { key: (order) => order.orderId })
const runtime = virtualRuntime({ seed: 5 })
const open: EventBus[] = []
let broken = true

/** A store with sagas on it: o-1 waits for an approval, o-2 is stuck. */
async function shop(): Promise<Store> {
  const store = memoryStore()
  const bus = await createEventBus({ store, runtime, source: '/shop' })
  open.push(bus)
  bus.use(
    defineSaga('fulfilment', {
      startsWith: OrderPlaced,
      steps: [
        step('reserve', {
          run: () => 'r-1',
          compensate() {
            if (broken) throw new Error('warehouse\x1b[31m says no')
          },
          retryCompensation: { tries: 1 },
        }),
        step('approval', { run: () => {}, waitFor: { event: OrderApproved, timeout: '30m' } }),
        step('ship', { run: () => {} }),
      ],
    }),
  )
  bus.use(defineSchedule('report', { cron: '0 7 * * *', publish: () => [] }))
  await bus.start()
  for (const orderId of ['o-1', 'o-2']) await bus.publish(OrderPlaced, { orderId, email: 'ada@example.org' })
  await bus.publish(OrderApproved, { orderId: 'o-9' }, { delay: '1h' })
  await runtime.advance(2_000)
  return store
}

afterEach(async () => {
  broken = true
  for (const bus of open.splice(0)) {
    const closing = bus.close()
    await runtime.advance(20_000)
    await closing
  }
})

describe('sagas at the command line', () => {
  it('lists them, stuck ones first, and shows one with its steps and their history', async () => {
    const store = await shop()
    const cancelled = await runInProcess(['sagas', 'cancel', 'fulfilment', 'o-2', '--wait', '0s', '--by', 'ada'], {
      store,
      runtime,
    })
    expect(cancelled).toMatchObject({ code: 1 })
    await runtime.advance(2_000)
    const listed = await runInProcess(['sagas', 'list', '--json'], { store, runtime })
    expect(
      listed.out
        .trim()
        .split('\n')
        .map((one) => JSON.parse(one) as unknown),
    ).toMatchObject([
      { key: 'o-2', status: 'stuck', at: ['reserve'], reason: { what: 'cancelled' } },
      { key: 'o-1', status: 'running', at: ['approval'] },
    ])
    const one = await runInProcess(['sagas', 'list', '--json', '--limit', '1'], { store, runtime })
    expect(one.json).toMatchObject([{ key: 'o-2' }, { more: true }])
    const told = await runInProcess(['sagas', 'list', '--limit', '1'], { store, runtime })
    expect(told.err).toContain('There are more')
    const people = await runInProcess(['sagas', 'list', '--status', 'running'], { store, runtime })
    expect(people.out).toMatch(/fulfilment +o-1 +running +approval/)
    const shown = await runInProcess(['sagas', 'show', 'fulfilment', 'o-2'], { store, runtime })
    expect(shown.out).toContain('reserve undo-failed 1 tries: warehouse')
    expect(shown.out).toContain('ship ahead')
    expect(shown.out).toContain('status: "compensating" → "stuck"')
    expect(shown.out).not.toContain('\x1b')
    expect(shown.out).not.toContain('ada@example.org')
    const missing = await runInProcess(['sagas', 'show', 'fulfilment', 'o-7'], { store, runtime })
    expect(missing).toMatchObject({ code: 1 })
  })

  it('resumes a stuck one and signals one that waits', async () => {
    const store = await shop()
    const ask = async (...args: string[]): Promise<number> => {
      const { code } = await runInProcess(['sagas', ...args, '--wait', '0s'], { store, runtime })
      await runtime.advance(2_000)
      return code
    }
    await ask('cancel', 'fulfilment', 'o-2')
    broken = false
    await ask('resume', 'fulfilment', 'o-2')
    await ask('signal', 'fulfilment', 'o-1', 'approval', '--data', '{"by":"ada"}')
    const listed = await runInProcess(['sagas', 'list', 'fulfilment'], { store, runtime })
    expect(listed.out).toMatch(/o-2 +compensated/)
    expect(listed.out).toMatch(/o-1 +done/)
    const refused = await runInProcess(['sagas', 'resume', 'fulfilment', 'o-1'], { store, runtime })
    expect(refused).toMatchObject({ code: 1 })
    expect(refused.err).toContain('TIDINGS_CONFLICT')
  })

  it('lists what waits for its time, and pauses and triggers schedules', async () => {
    const store = await shop()
    const listed = await runInProcess(['timers'], { store, runtime })
    expect(listed.out).toMatch(/report +0 7 \* \* \* +UTC/)
    expect(listed.out).toContain('tidings.saga.fulfilment.due')
    expect(await runInProcess(['timers', 'pause', 'report'], { store, runtime })).toMatchObject({ code: 0 })
    const paused = await runInProcess(['timers', '--json'], { store, runtime })
    const lines = paused.out
      .trim()
      .split('\n')
      .map((one) => JSON.parse(one) as { schedule?: object; event?: { id: string; type: string } })
    expect(lines[0]?.schedule).toMatchObject({ name: 'report', paused: true })
    expect(lines.some((one) => 'more' in one)).toBe(false)
    const first = await runInProcess(['timers', '--json', '--limit', '1'], { store, runtime })
    expect(first.json).toMatchObject([{ schedule: {} }, { event: {} }, { more: true }])
    expect((await runInProcess(['timers', '--limit', '1'], { store, runtime })).err).toContain('More events wait')
    expect((await runInProcess(['timers'], { store, runtime })).err).toBe('')
    const waiting = lines.find(({ event }) => event?.type === 'order.approved')?.event
    expect(await runInProcess(['timers', 'cancel', waiting?.id as string], { store, runtime })).toMatchObject({
      code: 0,
    })
    expect(await runInProcess(['timers', 'cancel', waiting?.id as string], { store, runtime })).toMatchObject({
      code: 1,
    })
    expect(await runInProcess(['timers', 'trigger', 'nothing'], { store, runtime })).toMatchObject({ code: 1 })
  })
})
