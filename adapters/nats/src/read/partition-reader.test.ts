import type { Msg } from '@nats-io/transport-node'
import { silentLog, silentMeter, virtualRuntime } from 'tidings/spi'
import { expect, it } from 'vitest'

import type { Link } from '../connection/link.ts'
import { PartitionReader } from './partition-reader.ts'

interface World {
  readonly reader: PartitionReader
  /** What was asked of the server, in order. */
  readonly requests: { readonly batch: number; readonly max_bytes?: number }[]
  /** The server sends the next message, of so many bytes. */
  readonly send: (bytes: number) => void
  /** The server ends a request: the next message is larger than what was left of its bytes. */
  readonly refuse: (left: number) => void
}

/** A reader that may keep 16 messages and 65,536 bytes, and a test that plays the server. */
async function readerWorld(): Promise<World> {
  const runtime = virtualRuntime({ seed: 5 })
  const requests: World['requests'] = []
  let heard: ((error: Error | null, message: Msg) => void) | undefined
  const link = {
    up: true,
    api: '$JS.API',
    inbox: () => '_INBOX.a',
    ask: async () => ({ name: 'c' }),
    nats: {
      subscribe: (_: string, { callback }: { callback: typeof heard }) => {
        heard = callback
        return { unsubscribe: () => {} }
      },
      publish: (subject: string, body: string) => {
        if (subject.includes('.MSG.NEXT.')) requests.push(JSON.parse(body) as World['requests'][number])
      },
    },
  }
  const reader = new PartitionReader({
    link: link as unknown as Link,
    host: { runtime, log: silentLog, meter: silentMeter },
    stream: 's',
    partition: 0,
    filters: ['s.*.0'],
    group: 'g',
    share: () => ({ events: 16, bytes: 65_536 }),
    arrived: () => {},
    refused: () => false,
  })
  reader.begin(0)
  await runtime.advance(1)
  let sent = 0
  const deliver = (subject: string, reply: string, headers: string, bytes: number): void => {
    const head = Buffer.from(headers)
    const raw = Buffer.concat([head, Buffer.alloc(bytes)])
    heard?.(null, { subject, reply, _msg: { hdr: head.byteLength }, _rdata: raw } as unknown as Msg)
  }
  return {
    reader,
    requests,
    send(bytes) {
      sent++
      deliver('s.order.0', `$JS.ACK.s.c.1.${sent}.${sent}.0.0`, '', bytes)
    },
    refuse: (left) =>
      deliver(
        '_INBOX.a',
        '',
        `NATS/1.0 409 Message Size Exceeds MaxBytes\r\nNats-Pending-Messages: ${left}\r\n\r\n`,
        0,
      ),
  }
}

it('does not ask again for a large message while smaller ones wait, but when they are taken', async () => {
  const { reader, requests, send, refuse } = await readerWorld()
  expect(requests).toMatchObject([{ batch: 16, max_bytes: 65_536 }])
  send(100)
  send(100)
  refuse(14)
  // Each answer that asks the same again is answered at once: there is no end to it.
  expect(requests).toHaveLength(1)
  expect(reader.waiting).toBe(2)
  reader.take()
  reader.refill()
  expect(requests).toHaveLength(2)
  refuse(15)
  expect(requests).toHaveLength(2)
  reader.take()
  reader.refill()
  expect(requests).toHaveLength(3)
  refuse(16)
  // Nothing waits any more: it comes alone, however large.
  expect(requests).toHaveLength(4)
  expect(requests.at(-1)).toMatchObject({ batch: 1 })
  expect(requests.at(-1)).not.toHaveProperty('max_bytes')
  send(1_000_000)
  expect(reader.waiting).toBe(1)
  reader.take()
  reader.refill()
  expect(requests.at(-1)).toMatchObject({ batch: 16, max_bytes: 65_536 })
})
