import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openServices, type ServiceHost } from '@tidings/service'
import { createReplay, type EventBus, sql } from 'tidings'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { commerce } from './service.ts'

const folder = mkdtempSync(join(tmpdir(), 'tidings-commerce-'))
const url = `sqlite:${join(folder, 'commerce.db')}`
const patient = { timeout: 20_000 }
let host: ServiceHost
let bus: EventBus

const open = async (): Promise<void> => {
  host = await openServices([commerce], { url })
  bus = host.buses.get('commerce') as EventBus
  await host.start()
}
beforeAll(open)
afterAll(async () => {
  await host.close()
  rmSync(folder, { recursive: true, force: true })
})

const get = async (path: string) => host.app.inject(`/commerce/${path}`)
const post = async (path: string, payload: object = {}) =>
  host.app.inject({ method: 'POST', url: `/commerce/${path}`, payload })

async function offer(sku: string, onHand: number, lowStockAt = 0): Promise<void> {
  expect((await post('products', { sku, name: `Fine ${sku}`, price: 350, lowStockAt })).statusCode).toBe(201)
  if (onHand > 0) await post(`products/${sku}/deliveries`, { deliveryId: randomUUID(), quantity: onHand })
}

async function place(lines: readonly object[], orderId: string = randomUUID()): Promise<string> {
  const answer = await post('orders', { orderId, customerId: randomUUID(), lines })
  expect(answer.statusCode).toBe(202)
  return orderId
}

const statusOf = async (orderId: string): Promise<string> => (await get(`orders/${orderId}`)).json().status
const becomes = (orderId: string, status: string) => expect.poll(() => statusOf(orderId), patient).toBe(status)

describe('a product', () => {
  it('is offered once, and its deliveries count once', async () => {
    await offer('chai', 0, 2)
    expect((await post('products', { sku: 'chai', name: 'Other', price: 1 })).json()).toMatchObject({
      status: 409,
      errors: [{ field: 'sku', rule: 'must be free' }],
    })
    const delivery = { deliveryId: randomUUID(), quantity: 7 }
    for (let told = 0; told < 3; told++) await post('products/chai/deliveries', delivery)
    const level = { sku: 'chai', name: 'Fine chai', price: 350, onHand: 7, reserved: 0, available: 7, low: false }
    expect((await get('products/chai')).json()).toEqual({ ...level, version: 2 })
    await expect
      .poll(async () => (await get('products')).json().products, patient)
      .toContainEqual({ sku: 'chai', name: 'Fine chai', price: 350, available: 7, low: false })
  })

  it('of several that come with one delivery is counted, and told again none of them changes', async () => {
    for (const sku of ['nut', 'fig', 'nut-2']) await offer(sku, 0)
    const deliveryId = randomUUID()
    const deliver = async (sku: string, quantity: number) =>
      (await post(`products/${sku}/deliveries`, { deliveryId, quantity })).json<{ onHand: number; version: number }>()
    const brought = [
      ['nut', 3],
      ['fig', 5],
      ['nut-2', 7],
    ] as const
    for (let told = 0; told < 2; told++)
      for (const [sku, quantity] of brought)
        expect(await deliver(sku, quantity)).toMatchObject({ onHand: quantity, version: 2 })
  })

  it('is counted by somebody who has looked at its stock as it is', async () => {
    await offer('mate', 5)
    const counted = (version: number) => post('products/mate/counts', { onHand: 4, reason: 'mice', version })
    expect((await counted(1)).json()).toMatchObject({ status: 409, code: 'TIDINGS_CONFLICT' })
    expect((await counted(2)).json()).toMatchObject({ onHand: 4, version: 3 })
  })

  it('that nobody knows, or that no product can be, is refused by its field', async () => {
    expect((await get('products/nothing')).statusCode).toBe(404)
    expect((await post('products/nothing/deliveries', { deliveryId: randomUUID(), quantity: 1 })).statusCode).toBe(404)
    const odd = await post('products', { sku: '__proto__', name: '', price: -1 })
    expect(odd.json()).toMatchObject({
      status: 400,
      errors: [{ field: 'sku' }, { field: 'name' }, { field: 'price' }],
    })
    const unknown = await post('orders', {
      orderId: randomUUID(),
      customerId: randomUUID(),
      lines: [{ sku: 'nothing', quantity: 1 }],
    })
    expect(unknown.json()).toMatchObject({ status: 400, errors: [{ field: 'lines.0.sku' }] })
  })
})

describe('an order', () => {
  it('is confirmed when all of it can be kept, shipped, and told in its history', async () => {
    await offer('tea', 10)
    await offer('rum', 3)
    const orderId = await place([
      { sku: 'tea', quantity: 4 },
      { sku: 'rum', quantity: 1 },
      { sku: 'tea', quantity: 2 },
    ])
    await becomes(orderId, 'confirmed')
    expect((await get('products/tea')).json()).toMatchObject({ onHand: 10, reserved: 6, available: 4 })
    expect((await post(`orders/${orderId}/ship`)).json()).toMatchObject({ status: 'shipped', total: 7 * 350 })
    await expect
      .poll(async () => (await get('products/tea')).json(), patient)
      .toMatchObject({ onHand: 4, reserved: 0, available: 4 })
    expect((await post(`orders/${orderId}/ship`)).statusCode).toBe(200)
    expect((await post(`orders/${orderId}/cancel`)).json()).toMatchObject({ status: 409, detail: 'It is shipped.' })
    const { events } = (await get(`orders/${orderId}/history`)).json() as { events: { type: string }[] }
    expect(events.map(({ type }) => type)).toEqual(['order.placed', 'order.confirmed', 'order.shipped'])
    await expect
      .poll(async () => (await get('sales')).json().sales, patient)
      .toEqual([
        { sku: 'tea', orders: 1, units: 6, revenue: 2_100 },
        { sku: 'rum', orders: 1, units: 1, revenue: 350 },
      ])
  })

  it('is rejected when some of it is missing, and nothing is kept for it', async () => {
    await offer('gin', 1)
    await offer('ale', 9)
    const orderId = await place([
      { sku: 'ale', quantity: 2 },
      { sku: 'gin', quantity: 2 },
    ])
    await becomes(orderId, 'rejected')
    expect((await get(`orders/${orderId}`)).json()).toMatchObject({ missing: ['gin'] })
    expect((await get('products/ale')).json()).toMatchObject({ reserved: 0 })
    expect((await post(`orders/${orderId}/ship`)).statusCode).toBe(409)
  })

  it('that is cancelled lets go of what was kept', async () => {
    await offer('oat', 2)
    const orderId = await place([{ sku: 'oat', quantity: 2 }])
    await becomes(orderId, 'confirmed')
    const waiting = await place([{ sku: 'oat', quantity: 1 }])
    await becomes(waiting, 'rejected')
    expect((await post(`orders/${orderId}/cancel`)).json()).toMatchObject({ status: 'cancelled' })
    await expect.poll(async () => (await get('products/oat')).json().available, patient).toBe(2)
    await becomes(await place([{ sku: 'oat', quantity: 2 }]), 'confirmed')
  })

  it('of which many come at once is never sold more often than there is', async () => {
    await offer('last', 5, 1)
    const orders = await Promise.all(Array.from({ length: 12 }, () => place([{ sku: 'last', quantity: 1 }])))
    await expect
      .poll(
        async () => (await Promise.all(orders.map(statusOf))).filter((status) => status !== 'placed').length,
        patient,
      )
      .toBe(12)
    const statuses = await Promise.all(orders.map(statusOf))
    expect(statuses.filter((status) => status === 'confirmed')).toHaveLength(5)
    expect((await get('products/last')).json()).toMatchObject({ onHand: 5, reserved: 5, available: 0, low: true })
    const alarms = []
    for await (const { data } of bus.store.query({ stream: 'stock/last', types: ['stock.ran-low'] })) alarms.push(data)
    expect(alarms).toEqual([{ sku: 'last', available: 1, lowAt: 1 }])
    await expect
      .poll(
        async () => (await get('products?low=true')).json().products.map(({ sku }: { sku: string }) => sku),
        patient,
      )
      .toContain('last')
  })

  it('that is sent twice is one', async () => {
    await offer('twin', 9)
    const orderId = randomUUID()
    const body = { orderId, customerId: randomUUID(), lines: [{ sku: 'twin', quantity: 1 }] }
    const answers = await Promise.all([post('orders', body), post('orders', body), post('orders', body)])
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([202, 202, 202])
    await becomes(orderId, 'confirmed')
    expect((await get('products/twin')).json()).toMatchObject({ reserved: 1 })
    expect((await post('orders', { ...body, customerId: randomUUID() })).statusCode).toBe(409)
    expect((await get(`orders/${randomUUID()}`)).statusCode).toBe(404)
    expect((await post(`orders/${randomUUID()}/cancel`)).statusCode).toBe(404)
  })
})

describe('the service', () => {
  it('goes on after a restart with what has happened', async () => {
    await offer('kept', 3)
    const orderId = await place([{ sku: 'kept', quantity: 1 }])
    await host.close()
    await open()
    await becomes(orderId, 'confirmed')
    expect((await get('products/kept')).json()).toMatchObject({ onHand: 3, reserved: 1 })
  })

  it('fills its list anew from history', async () => {
    const before = (await get('products')).json()
    await host.store.commit([{ statements: [sql`delete from commerce_products`] }])
    for await (const { state } of createReplay(bus, { into: 'commerce.products' }).start())
      expect(['open', 'done']).toContain(state)
    expect((await get('products')).json()).toEqual(before)
  })

  it.each([
    ['POST', 'products'],
    ['POST', 'products/tea/deliveries'],
    ['POST', 'products/tea/counts'],
    ['POST', 'orders'],
    ['GET', `orders/${randomUUID()}`],
    ['GET', `orders/${randomUUID()}/history`],
    ['POST', `orders/${randomUUID()}/cancel`],
    ['POST', `orders/${randomUUID()}/ship`],
    ['GET', 'sales'],
  ] as const)('answers %s of %s on this machine only', async (method, path) => {
    const url = `/commerce/${path}`
    const ask = (remoteAddress: string) => host.app.inject({ method, url, remoteAddress })
    expect((await ask('10.0.0.1')).statusCode).toBe(403)
    expect((await ask('127.0.0.1')).statusCode).not.toBe(403)
  })

  it('shows its products to everybody', async () => {
    await offer('shown', 1)
    for (const url of ['/commerce/products', '/commerce/products/shown'])
      expect((await host.app.inject({ url, remoteAddress: '10.0.0.1' })).statusCode).toBe(200)
  })

  it('describes its routes, and which of them may refuse whoever asks', async () => {
    const { paths } = (await host.app.inject('/openapi.json')).json() as {
      paths: Record<string, Record<string, { responses: object }>>
    }
    const open = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { responses }]) => ('403' in responses ? [] : [`${method} ${path}`])),
    )
    expect(open.toSorted()).toEqual(['get /commerce/products', 'get /commerce/products/{sku}'])
    expect(Object.keys(paths).toSorted()).toEqual([
      '/commerce/orders',
      '/commerce/orders/{orderId}',
      '/commerce/orders/{orderId}/cancel',
      '/commerce/orders/{orderId}/history',
      '/commerce/orders/{orderId}/ship',
      '/commerce/products',
      '/commerce/products/{sku}',
      '/commerce/products/{sku}/counts',
      '/commerce/products/{sku}/deliveries',
      '/commerce/sales',
    ])
  })
})
