import { createEventBus, defineEvent, defineProjection, documents, memoryStore } from 'tidings'
import { virtualRuntime } from 'tidings/testing'
import { describe, expect, it } from 'vitest'

import { type Ran, runInProcess } from '../../tests/run-in-process.ts'

const OrderPlaced = defineEvent<{ readonly id: string; readonly total: number }>('order.placed')

async function service(version = 1) {
  const runtime = virtualRuntime({ seed: 5 })
  const store = memoryStore({ partitions: 2 })
  const projection = defineProjection('orders', {
    version,
    documents: { orders: documents<{ readonly total: number }>() },
    on: (on) => [on(OrderPlaced, ({ data }, { documents: { orders } }) => orders.put(data.id, { total: data.total }))],
  })
  const bus = await createEventBus({ store, runtime, source: '/shop' })
  bus.use(projection)
  await bus.start()
  for (let n = 0; n < 5; n++) await bus.publish(OrderPlaced, { id: `o-${n}`, total: n })
  await runtime.advance(6_000)
  /** Runs a command while time goes on for the service. */
  const run = async (...args: string[]): Promise<Ran> => {
    let ran: Ran | undefined
    const running = runInProcess(['projections', ...args], { store, runtime }).then((answer) => (ran = answer))
    while (ran === undefined) await runtime.advance(50)
    return running
  }
  const close = async (): Promise<void> => {
    let open = true
    const closing = bus.close().finally(() => (open = false))
    while (open) await runtime.advance(50)
    await closing
  }
  return { run, store, close }
}

describe('tidings projections', () => {
  it('lists, rebuilds, and rolls back', async () => {
    const { run, close } = await service()
    const listed = await run('list')
    expect(listed.out).toMatch(/^projection +generation +version +state +position +lag/)
    expect(listed.out).toMatch(/orders +1 +1 +live +5 +0 +0/)
    const rebuilt = await run('rebuild', 'orders')
    expect(rebuilt).toMatchObject({
      code: 0,
      out: 'asked for as generation 2 of orders\nReaders see it. Both generations hold the same 5 rows.\n',
    })
    expect((await run('list', '--json')).json).toMatchObject([{ name: 'orders', live: 2, head: 5 }])
    expect(await run('rollback', 'orders')).toMatchObject({ code: 0, out: 'Readers of orders see generation 1.\n' })
    await close()
  })

  it('waits to be switched where that is asked for, and gives up', async () => {
    const { run, close } = await service()
    expect(await run('rebuild', 'orders', '--no-switch')).toMatchObject({
      code: 0,
      out: expect.stringContaining('It waits for `tidings projections switch`.') as string,
    })
    expect(await run('switch', 'orders', '--json')).toMatchObject({ code: 0, json: [{ live: 2 }] })
    expect(await run('rebuild', 'orders', '--no-switch', '--no-wait')).toMatchObject({ code: 0 })
    expect(await run('cancel', 'orders')).toMatchObject({ code: 0, out: 'Given up; what it has built goes.\n' })
    expect(await run('cancel', 'orders', '--json')).toMatchObject({ code: 1, json: [{ cancelled: false }] })
    await close()
  })

  it('says what is not there', async () => {
    const { run, close } = await service()
    expect(await run('switch', 'orders')).toMatchObject({
      code: 1,
      err: expect.stringContaining('has no generation that waits to be switched to') as string,
    })
    expect(await run('rebuild', 'nothing')).toMatchObject({
      code: 1,
      err: expect.stringContaining('TIDINGS_NOT_FOUND') as string,
    })
    expect((await runInProcess(['projections', 'list'])).err).toBe('No projection was ever begun in this store.\n')
    await close()
  })
})
