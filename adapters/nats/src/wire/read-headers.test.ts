import { describe, expect, it } from 'vitest'

import { readHeaders, statusOf } from './read-headers.ts'

const block = (text: string): Uint8Array => Buffer.from(text)

describe('headers', () => {
  it('are read by name, several of one in a list, as they were written', () => {
    const headers = readHeaders(block('NATS/1.0\r\nce-id: 1\r\nA:b:c\r\nce-x:  é \r\nA: d\r\nA: e\r\nEmpty:\r\n\r\n'))
    expect({ ...headers }).toEqual({ 'ce-id': '1', A: ['b:c', 'd', 'e'], 'ce-x': 'é', Empty: '' })
  })

  it('reach no prototype', () => {
    const headers = readHeaders(block('NATS/1.0\r\n__proto__: x\r\nconstructor: y\r\ntoString: z\r\n\r\n'))
    expect(Object.keys(headers)).toEqual(['__proto__', 'constructor', 'toString'])
    expect(Object.getPrototypeOf(headers)).toBeNull()
  })

  it.for([
    '',
    'NATS/1.0',
    'NATS/1.0\r\n',
    'NATS/1.0\r\n\r\n',
    'NATS/1.0\r\nno colon\r\n',
    'NATS/1.0\r\n: no name\r\n\r\n',
  ])('may be none: %j', (text) => {
    expect(Object.keys(readHeaders(block(text)))).toEqual([])
  })

  it('of which the last line is cut off are read as far as they go', () => {
    expect({ ...readHeaders(block('NATS/1.0\r\na: 1\r\nb: 2')) }).toEqual({ a: '1', b: '2' })
  })

  it('in bytes that are no UTF-8 do not stop anybody', () => {
    expect(Object.keys(readHeaders(Buffer.from([...block('NATS/1.0\r\na: '), 0xff, 0xfe, 13, 10])))).toEqual(['a'])
  })

  it('begin with a status where the server speaks', () => {
    expect(statusOf(block('NATS/1.0 408 Request Timeout\r\nNats-Pending-Messages: 1\r\n\r\n'))).toBe(408)
    expect(statusOf(block('NATS/1.0 503\r\n\r\n'))).toBe(503)
    expect(statusOf(block('NATS/1.0\r\na: 1\r\n\r\n'))).toBe(0)
    expect(statusOf(block(''))).toBe(0)
  })
})
