import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, afterEach, describe, expect, it } from 'vitest'

import { type PlatformProcess, startProgram } from './platform-process.ts'

const patient = { timeout: 30_000, interval: 50 }
const folders: string[] = []
let platform: PlatformProcess | undefined
afterEach(() => platform?.end('SIGKILL'))
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-commerce-'))
  folders.push(folder)
  return folder
}

const post = (path: string, body: object, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${platform?.address}${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  })
const get = async <Answer>(path: string): Promise<Answer> =>
  (await fetch(`${platform?.address}${path}`)).json() as Promise<Answer>

interface Level {
  readonly onHand: number
  readonly reserved: number
}
const levelOf = (sku: string): Promise<Level> => get(`/commerce/products/${sku}`)
const statusOf = async (orderId: string): Promise<string> =>
  (await get<{ status: string }>(`/commerce/orders/${orderId}`)).status

async function offer(sku: string, quantity: number): Promise<void> {
  expect((await post('/commerce/products', { sku, name: sku, price: 100 })).status).toBe(201)
  await post(`/commerce/products/${sku}/deliveries`, { deliveryId: randomUUID(), quantity })
}

const order = (orderId: string, sku: string, headers = {}): Promise<Response> =>
  post('/commerce/orders', { orderId, customerId: randomUUID(), lines: [{ sku, quantity: 1 }] }, headers)

describe('the shop of the platform', () => {
  it('leads from an order to its parcel under one correlation, and the trail has it all', async () => {
    platform = await startProgram('platform', freshFolder())
    await offer('tea', 3)
    const orderId = randomUUID()
    expect((await order(orderId, 'tea', { 'x-correlation-id': 'req-order' })).status).toBe(202)
    await expect.poll(() => statusOf(orderId), patient).toBe('confirmed')
    await post(`/commerce/orders/${orderId}/ship`, {}, { 'x-correlation-id': 'req-order' })
    const trail = async (): Promise<readonly string[]> =>
      (await get<{ entries: { type: string }[] }>('/audit?correlationId=req-order')).entries.map(({ type }) => type)
    await expect
      .poll(trail, patient)
      .toEqual([
        'order.placed',
        'stock.reserved',
        'reservation.made',
        'order.confirmed',
        'order.shipped',
        'stock.shipped',
      ])
    expect(await levelOf('tea')).toMatchObject({ onHand: 2, reserved: 0 })
    expect(await platform.end('SIGTERM')).toBe(0)
    expect(platform.complaints()).toBe('')
  })

  it('that is killed in the middle of orders has sold each piece once, and no order is forgotten', async () => {
    const folder = freshFolder()
    platform = await startProgram('platform', folder)
    await offer('rum', 15)
    const placed: string[] = []
    const asked = Array.from({ length: 40 }, async () => {
      const orderId = randomUUID()
      const answer = await order(orderId, 'rum').catch(() => undefined)
      if (answer?.status === 202) placed.push(orderId)
    })
    await expect.poll(() => placed.length, { timeout: 30_000, interval: 2 }).toBeGreaterThanOrEqual(10)
    expect(await platform.end('SIGKILL')).toBe('SIGKILL')
    await Promise.all(asked)

    platform = await startProgram('platform', folder)
    const counts = async () => {
      const statuses = await Promise.all(placed.map(statusOf))
      return {
        open: statuses.filter((status) => status === 'placed').length,
        confirmed: statuses.filter((status) => status === 'confirmed').length,
      }
    }
    await expect.poll(async () => (await counts()).open, patient).toBe(0)
    // Orders that were written without an answer got through may hold some, too.
    const { onHand, reserved } = await levelOf('rum')
    expect(onHand).toBe(15)
    expect(reserved).toBeLessThanOrEqual(15)
    expect((await counts()).confirmed).toBeLessThanOrEqual(reserved)
    expect(reserved).toBe(Math.min(15, Math.max(reserved, placed.length)))
    expect(await platform.end('SIGTERM')).toBe(0)
  }, 180_000)
})
