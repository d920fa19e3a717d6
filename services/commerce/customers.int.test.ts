import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openServices, type ServiceHost } from '@tidings/service'
import { DataPartsRequested, ErasureRequested } from '@tidings-services/auth/contract'
import { createEventBus, type EventBus, sql } from 'tidings'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { OrderPlaced } from './contract/index.ts'
import { commerce } from './service.ts'

// The part of this service in flows that it does not own.

const patient = { timeout: 20_000 }
let host: ServiceHost
let auth: EventBus
const folder = mkdtempSync(join(tmpdir(), 'tidings-commerce-customers-'))

beforeAll(async () => {
  host = await openServices([commerce], { url: `sqlite:${join(folder, 'commerce.db')}` })
  await host.start()
  auth = await createEventBus({ store: host.store, source: '/auth' })
  await post('products', { sku: 'tea', name: 'Fine tea', price: 350 })
  await post('products/tea/deliveries', { deliveryId: randomUUID(), quantity: 100_000 })
})

afterAll(async () => {
  await auth.close()
  await host.close()
  rmSync(folder, { recursive: true, force: true })
})

const post = (path: string, payload: object) =>
  host.app.inject({ method: 'POST', url: `/commerce/${path}`, payload, remoteAddress: '127.0.0.1' })

async function place(customerId: string, quantity = 1): Promise<string> {
  const orderId = randomUUID()
  const answer = await post('orders', { orderId, customerId, lines: [{ sku: 'tea', quantity }] })
  expect(answer.statusCode).toBe(202)
  return orderId
}

const statusOf = async (orderId: string) =>
  (await host.app.inject(`/commerce/orders/${orderId}`)).json<{ status: string }>().status
const answers = async (correlationId: string, type: string) =>
  (await auth.store.getEventsByCorrelationId(correlationId))
    .filter((event) => event.type === type)
    .map(({ data }) => data as Record<string, unknown>)
const listed = async (customerId: string) =>
  host.store.query(sql`select order_id from commerce_customer_orders where customer_id = ${customerId}`)

async function tell(userId: string, services = ['commerce']): Promise<readonly Record<string, unknown>[]> {
  const correlationId = randomUUID()
  await auth.publish(DataPartsRequested, { exportId: randomUUID(), userId, services }, { correlationId })
  await expect.poll(() => answers(correlationId, 'user.data.collected'), patient).not.toEqual([])
  return answers(correlationId, 'user.data.collected')
}

async function erase(userId: string): Promise<unknown> {
  const correlationId = randomUUID()
  const ask = { deletionId: randomUUID(), userId, services: ['commerce', 'audit'], account: 'hash' }
  await auth.publish(ErasureRequested, ask, { correlationId })
  await expect.poll(() => answers(correlationId, 'user.erasure.done'), patient).toHaveLength(1)
  const [done] = await answers(correlationId, 'user.erasure.done')
  expect(done).toMatchObject({ deletionId: ask.deletionId, userId, service: 'commerce' })
  return done?.['rows']
}

it('sends the orders of somebody as they are now, the newest first, and says so where there are none', async () => {
  const [customer, stranger] = [randomUUID(), randomUUID()]
  const shipped = await place(customer, 3)
  await place(stranger)
  await expect.poll(() => statusOf(shipped), patient).toBe('confirmed')
  await post(`orders/${shipped}/ship`, {})
  const missed = await place(customer, 500_000)
  await expect.poll(() => statusOf(missed), patient).toBe('rejected')

  const [told, ...more] = await tell(customer)
  expect(more).toEqual([])
  expect(told).toMatchObject({ userId: customer, service: 'commerce', part: 0, parts: 1 })
  const line = { sku: 'tea', price: 350 }
  const placedAt = expect.stringMatching(/^\d{4}-.*Z$/)
  expect(JSON.parse(told?.['data'] as string)).toEqual({
    orders: [
      {
        orderId: missed,
        placedAt,
        status: 'rejected',
        lines: [{ ...line, quantity: 500_000 }],
        total: 175_000_000,
        missing: ['tea'],
      },
      { orderId: shipped, placedAt, status: 'shipped', lines: [{ ...line, quantity: 3 }], total: 1_050, missing: [] },
    ],
  })
  expect(await tell(randomUUID())).toMatchObject([{ data: '{"orders":[]}', part: 0, parts: 1 }])
})

it('sends many orders in several parts, also one that was placed just before', async () => {
  const customer = randomUUID()
  const orderIds = Array.from({ length: 40 }, () => randomUUID())
  const lines = Array.from({ length: 50 }, () => ({ sku: 'tea', quantity: 1, price: 350 }))
  await auth.publish(
    orderIds.map((orderId) => OrderPlaced.create({ orderId, customerId: customer, lines, total: 17_500 })),
  )
  const parts = await tell(customer)
  expect(parts.length).toBeGreaterThan(1)
  expect(parts.every(({ part, parts: all }, at) => part === at && all === parts.length)).toBe(true)
  const told = parts.flatMap(({ data }) => (JSON.parse(data as string) as { orders: { orderId: string }[] }).orders)
  expect(told.map(({ orderId }) => orderId).toSorted()).toEqual(orderIds.toSorted())
})

it('forgets whose orders they were, keeps the books, and lists nothing of them again', async () => {
  const [customer, stranger] = [randomUUID(), randomUUID()]
  const orderId = await place(customer, 2)
  await place(stranger)
  await expect.poll(() => statusOf(orderId), patient).toBe('confirmed')
  expect(await erase(customer)).toEqual({ commerce_customer_orders: 1 })
  expect([await listed(customer), await listed(stranger)]).toEqual([[], [expect.anything()]])
  expect(await tell(customer)).toMatchObject([{ data: '{"orders":[]}' }])

  // What was sold, and for how much, is what books are for: that stays, and so does the parcel.
  expect((await host.app.inject(`/commerce/orders/${orderId}`)).json()).toMatchObject({ total: 700 })
  expect((await post(`orders/${orderId}/ship`, {})).json()).toMatchObject({ status: 'shipped' })

  // An order that is heard late is not listed, and none is begun.
  const late = {
    orderId: randomUUID(),
    customerId: customer,
    lines: [{ sku: 'tea', quantity: 1, price: 350 }],
    total: 350,
  }
  await auth.publish(OrderPlaced, late)
  const refused = await post('orders', {
    orderId: randomUUID(),
    customerId: customer,
    lines: [{ sku: 'tea', quantity: 1 }],
  })
  expect(refused.json()).toMatchObject({ status: 409, errors: [{ field: 'customerId' }] })
  // Asked again, it answers again, and finds nothing more.
  expect(await erase(customer)).toEqual({ commerce_customer_orders: 0 })
  expect(await listed(customer)).toEqual([])
})

it('leaves it to others where it is not asked', async () => {
  const userId = randomUUID()
  await place(userId)
  const correlationId = randomUUID()
  const services = ['users', 'audit']
  await auth.publish(DataPartsRequested, { exportId: randomUUID(), userId, services }, { correlationId })
  const ask = { deletionId: randomUUID(), userId, services, account: 'hash' }
  await auth.publish(ErasureRequested, ask, { correlationId })
  // Both were heard once somebody after them has been answered.
  await tell(randomUUID())
  expect(await auth.store.getEventsByCorrelationId(correlationId)).toHaveLength(2)
  expect(await listed(userId)).toHaveLength(1)
})
