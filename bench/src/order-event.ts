import { randomUUID } from 'node:crypto'

/** The data of the event that every side publishes. As a CloudEvent in JSON it takes 400 bytes, give or take six. */
export interface Order {
  readonly orderId: string
  readonly customerId: string
  readonly currency: string
  readonly total: number
  readonly items: readonly { readonly sku: string; readonly quantity: number; readonly price: number }[]
}

/** Keys go round over this many orders. */
export const orders = 1_000

export const source = '/shop'
export const type = 'order.placed'

export function keyOf(at: number): string {
  return `order-${1_000 + (at % orders)}`
}

/** Which of the orders a key is of, from 0. */
export function placeOf(key: string): number {
  return Number(key.slice('order-'.length)) - 1_000
}

/** A new object for each event, as publishers make them. */
export function orderOf(at: number): Order {
  return {
    orderId: keyOf(at),
    customerId: 'customer-20417',
    currency: 'EUR',
    total: 149.85,
    items: [
      { sku: 'sku-4711', quantity: 2, price: 49.95 },
      { sku: 'sku-0815', quantity: 1, price: 49.95 },
    ],
  }
}

/** The same event as peers without an envelope of their own carry it. */
export interface Envelope {
  readonly specversion: '1.0'
  readonly id: string
  readonly source: string
  readonly type: string
  readonly subject: string
  readonly time: number | string
  readonly datacontenttype: 'application/json'
  readonly data: Order
}

const idBase = '019aa5c0-7e00-7000-8000-'
let ids = 0

/** Unique in this process, ascending, as long as a UUID. Cheaper than any real id: whoever uses it is flattered. */
export function cheapId(): string {
  return idBase + (0x1_0000_0000_0000 + ++ids).toString(16).slice(1)
}

/** An envelope with a counter for an id and a number for a time: the least that anybody could do. */
export function envelopeOf(at: number): Envelope {
  return envelope(at, cheapId(), Date.now())
}

/** An envelope with a random id and the time as text, for comparison with handlers that read both. */
export function fullEnvelopeOf(at: number): Envelope {
  return envelope(at, randomUUID(), new Date().toISOString())
}

function envelope(at: number, id: string, time: number | string): Envelope {
  return {
    specversion: '1.0',
    id,
    source,
    type,
    subject: keyOf(at),
    time,
    datacontenttype: 'application/json',
    data: orderOf(at),
  }
}
