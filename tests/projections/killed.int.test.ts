import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { sqlite } from '@tidings/sqlite'
import { createEventBus, isSqlStore, operationsOf, sql } from 'tidings'
import { mulberry32, realRuntime, silentLog, silentMeter } from 'tidings/spi'
import { afterEach, expect, it } from 'vitest'

import { type Child, runChild } from '../chaos/child-process.ts'
import { dumpTables, OrderPaid, orderTables } from './orders.ts'

const seed = 20_261_121
const program = fileURLToPath(new URL('projecting-service.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'tidings-killed-'))
const children: Child[] = []
afterEach(async () => {
  for (const { process, gone } of children) {
    process.kill('SIGKILL')
    await gone
  }
  rmSync(folder, { recursive: true, force: true })
})

it(`comes to its end although the processes that build it are killed again and again (seed ${seed})`, {
  timeout: 120_000,
}, async () => {
  const random = mulberry32(seed)
  const file = join(folder, 'tidings.db')
  let begun = 0
  const begin = async (version: number): Promise<Child> => {
    const child = runChild(program, [file, `p${++begun}`, String(version)])
    children.push(child)
    await child.line('up')
    return child
  }
  const kill = async ({ process, gone }: Child): Promise<void> => {
    process.kill('SIGKILL')
    await gone
  }
  await begin(1)
  const store = await sqlite(file).open({ runtime: realRuntime(), log: silentLog, meter: silentMeter })
  if (!isSqlStore(store)) throw new Error('no SQL here')
  const watcher = await createEventBus({ store, source: '/shop' })
  const { projections } = operationsOf(watcher)
  await pause(300)

  // The same version, then a new one: whoever builds dies, at whatever it is doing, until the third lives on.
  await projections.rebuild('orders', { rate: 2_000 })
  for (let round = 0; round < 3; round++) {
    await pause(100 + 900 * random())
    await kill(children.at(-1) as Child)
    await begin(1)
  }
  await expect.poll(async () => (await projections.progress('orders')).live, { timeout: 40_000 }).toBe(2)
  for (let round = 0; round < 2; round++) {
    const second = await begin(2)
    await pause(100 + 900 * random())
    await kill(second)
  }
  const heir = await begin(2)
  await expect.poll(async () => (await projections.progress('orders')).live, { timeout: 40_000 }).toBe(3)
  // Nobody publishes any more, and somebody of each version brings it to its end.
  for (const child of children) await kill(child)
  expect(heir.process.killed).toBe(true)
  const last = await createEventBus({ store, source: '/shop' })
  last.use(orderTables(1))
  await last.start()
  const beside = await createEventBus({ store, source: '/shop' })
  const projection = orderTables(2)
  beside.use(projection)
  await beside.start()
  const { position } = await beside.publish(OrderPaid, { orderId: 'none' })
  await projection.of(beside).caughtUpTo(position, { timeout: '40s' })
  await expect
    .poll(
      async () =>
        (await projections.progress('orders')).generations.every(({ lag, state }) => lag === 0 || state === 'leaving'),
      {
        timeout: 40_000,
      },
    )
    .toBe(true)
  const { generations } = await projections.progress('orders')
  expect(generations.filter(({ state }) => state !== 'leaving')).toMatchObject([
    { number: 2, state: 'kept', parked: 0 },
    { number: 3, state: 'live', parked: 0 },
  ])
  const kept = JSON.parse(await dumpTables(store, 2)) as { orders: object[]; lines: object[] }
  const live = JSON.parse(await dumpTables(store, 3)) as { orders: object[]; lines: object[] }
  expect(live.lines).toEqual(kept.lines)
  expect(live.orders).toEqual(kept.orders.map((order) => ({ ...order, version: 2 })))
  const [placed] = await store.query(sql`select count(*) as n from tidings_log where type = 'order.placed'`)
  expect(live.orders).toHaveLength(Number(placed?.n))
  for (const bus of [beside, last, watcher]) await bus.close()
  await store.close()
})
