import { expect, it } from 'vitest'

import { pullStatus } from './pull-status.ts'

const of = (text: string): unknown => pullStatus(Buffer.from(text))
const pending = 'Nats-Pending-Messages: 3\r\nNats-Pending-Bytes: 0\r\n\r\n'

it('a request ends in time, by its bytes, or because it is fulfilled', () => {
  expect(of(`NATS/1.0 408 Request Timeout\r\n${pending}`)).toEqual({ kind: 'ended', left: 3, full: false })
  expect(of(`NATS/1.0 409 Message Size Exceeds MaxBytes\r\n${pending}`)).toEqual({ kind: 'ended', left: 3, full: true })
  expect(of('NATS/1.0 409 Batch Completed\r\nNats-Pending-Messages: 0\r\n\r\n')).toEqual({
    kind: 'ended',
    left: 0,
    full: false,
  })
})

it('a server that has nothing new gives a sign of life', () => {
  expect(of('NATS/1.0 100 Idle Heartbeat\r\n\r\n')).toEqual({ kind: 'beat' })
})

it.for([
  ['NATS/1.0 409 Consumer Deleted\r\n\r\n', 409],
  ['NATS/1.0 409 Leadership Change\r\n\r\n', 409],
  ['NATS/1.0 404 No Messages\r\n\r\n', 404],
  ['NATS/1.0 503\r\n\r\n', 503],
  ['NATS/1.0 400 Bad Request\r\n\r\n', 400],
  ['NATS/1.0 408 Request Timeout\r\nNats-Pending-Messages: x\r\n\r\n', 408],
  ['', 0],
] as const)('anything else ends the consumer: %j', ([text, code]) => {
  expect(of(text)).toEqual({ kind: 'over', code })
  expect(pullStatus(undefined)).toEqual({ kind: 'over', code: 0 })
})
