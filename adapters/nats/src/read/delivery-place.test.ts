import { expect, it } from 'vitest'

import { deliveryPlace } from './delivery-place.ts'

it('reads both forms in which a server says where a message stands', () => {
  expect(deliveryPlace('$JS.ACK.shop.c.1.42.7.1700000000000000000.3')).toEqual({ stream: 42, consumer: 7 })
  expect(deliveryPlace('$JS.ACK._.hash.shop.c.1.42.7.1700000000000000000.3.rand')).toEqual({ stream: 42, consumer: 7 })
  expect(deliveryPlace('$JS.ACK.hub.hash.shop.c.1.42.7.1700000000000000000.3')).toEqual({ stream: 42, consumer: 7 })
})

it.for(['', '_INBOX.x', '$JS.ACK.', '$JS.ACK.shop.c.1.x.7.17.3', '$JS.ACK.a.b.c.d.e.f.g'])(
  'is told nothing by %j',
  (reply) => {
    expect(deliveryPlace(reply)).toBeUndefined()
  },
)
