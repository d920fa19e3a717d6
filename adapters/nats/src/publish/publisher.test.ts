import {
  type EventRecord,
  type Outcome,
  silentLog,
  silentMeter,
  type VirtualRuntime,
  virtualRuntime,
} from 'tidings/spi'
import { describe, expect, it } from 'vitest'

import { eventOf } from '../../tests/events.ts'
import type { Link, LinkListener } from '../connection/link.ts'
import { Publisher } from './publisher.ts'

interface Sent {
  readonly body: string
  answer(text?: string, header?: string): void
}

interface World {
  readonly publisher: Publisher
  readonly runtime: VirtualRuntime
  readonly sent: Sent[]
  readonly missing: number[]
  go(up: boolean): void
}

const stored = '{"stream":"s","seq":1}'

function world(timeout = 1_000, maxBytes = 10_000): World {
  const runtime = virtualRuntime({ seed: 1 })
  const sent: Sent[] = []
  const missing: number[] = []
  let listener: LinkListener | undefined
  let heard: (error: Error | null, message: unknown) => void = () => {}
  const link = {
    up: true,
    inbox: () => '_INBOX.me',
    listen: (one: LinkListener) => {
      listener = one
      return () => {}
    },
    nats: {
      subscribe: (_: string, { callback }: { callback: typeof heard }) => {
        heard = callback
        return { unsubscribe: () => {} }
      },
      publish: (_: string, body: Uint8Array, { reply }: { reply: string }) => {
        sent.push({
          body: Buffer.from(body).toString(),
          answer: (text = stored, header = '') => {
            const bytes = Buffer.from(header + text)
            heard(null, { subject: reply, _msg: { hdr: header === '' ? -1 : header.length }, _rdata: bytes })
          },
        })
      },
    },
  }
  const publisher = new Publisher({
    link: link as unknown as Link,
    host: { runtime, log: silentLog, meter: silentMeter },
    prefix: 'shop',
    partitions: 8,
    maxBytes,
    timeout,
    streamMissing: () => missing.push(1),
  })
  return {
    publisher,
    runtime,
    sent,
    missing,
    go: (up) => {
      link.up = up
      if (up) listener?.up()
      else listener?.down()
    },
  }
}

function events(key: string, count: number, from = 0): EventRecord[] {
  return Array.from({ length: count }, (_, at) => eventOf({ key, data: `"${key}${from + at}"` }))
}

const statuses = (outcomes: readonly Outcome[]): string[] => outcomes.map(({ status }) => status)
const bodies = ({ sent }: World): string[] => sent.map(({ body }) => body.slice(1, -1))

describe('publishing', () => {
  it('lets one event of each stream fly; the next leaves when the one before it is stored', async () => {
    const it = world()
    const [a, b] = [it.publisher.publish(events('a', 3)), it.publisher.publish(events('b', 1))]
    const later = it.publisher.publish(events('a', 1, 3))
    expect(bodies(it)).toEqual(['a0', 'b0'])
    it.sent[0]?.answer()
    expect(bodies(it)).toEqual(['a0', 'b0', 'a1'])
    for (let at = 1; at < it.sent.length; at++) it.sent[at]?.answer()
    expect(bodies(it)).toEqual(['a0', 'b0', 'a1', 'a2', 'a3'])
    expect([...(await a), ...(await b), ...(await later)].map(({ status }) => status)).toEqual(Array(5).fill('stored'))
  })

  it('sends nothing behind an event that was not stored, also not of calls that overlap', async () => {
    const it = world()
    const first = it.publisher.publish(events('a', 3))
    const overlapping = it.publisher.publish([...events('a', 1, 3), ...events('b', 1)])
    it.sent[0]?.answer('{"error":{"code":503,"err_code":10077}}')
    it.sent[1]?.answer()
    expect(bodies(it)).toEqual(['a0', 'b0'])
    expect(statuses(await first)).toEqual(['unknown', 'unknown', 'unknown'])
    expect(statuses(await overlapping)).toEqual(['unknown', 'stored'])
    const again = it.publisher.publish(events('a', 1))
    it.sent[2]?.answer()
    expect(statuses(await again)).toEqual(['stored'])
  })

  it('goes on behind an event that was refused: it will never be stored', async () => {
    const it = world()
    const large = eventOf({ key: 'a', data: JSON.stringify('x'.repeat(20_000)) })
    const [one, two] = events('a', 2) as [EventRecord, EventRecord]
    const outcomes = it.publisher.publish([one, large, two])
    it.sent[0]?.answer('{"error":{"code":400,"err_code":10054}}')
    it.sent[1]?.answer()
    expect(statuses(await outcomes)).toEqual(['refused', 'refused', 'stored'])
    expect((await outcomes)[1]).toMatchObject({ error: { code: 'TIDINGS_TOO_LARGE' } })
  })

  it('refuses what cannot be a CloudEvent, and says which attribute', async () => {
    const it = world()
    const outcomes = await it.publisher.publish([eventOf({ source: 'no uri' })])
    expect(outcomes).toMatchObject([
      { status: 'refused', error: { code: 'TIDINGS_INVALID_EVENT', details: { field: 'source' } } },
    ])
  })

  it('is unknown without an answer in time, each by its own time; an answer that comes later changes nothing', async () => {
    const it = world(1_000)
    const first = it.publisher.publish(events('a', 2))
    await it.runtime.advance(600)
    const second = it.publisher.publish(events('b', 1))
    await it.runtime.advance(600)
    expect(statuses(await first)).toEqual(['unknown', 'unknown'])
    it.sent[0]?.answer()
    it.sent[1]?.answer()
    expect(statuses(await second)).toEqual(['stored'])
    expect(bodies(it)).toEqual(['a0', 'b0'])
  })

  it('is unknown at once when the connection is lost, and without one is not even tried', async () => {
    const it = world()
    const flying = it.publisher.publish(events('a', 2))
    it.go(false)
    expect(statuses(await flying)).toEqual(['unknown', 'unknown'])
    expect(statuses(await it.publisher.publish(events('a', 2)))).toEqual(['unknown', 'unknown'])
    expect(it.sent.length).toBe(1)
    it.go(true)
    const again = it.publisher.publish(events('a', 1))
    it.sent[1]?.answer()
    expect(statuses(await again)).toEqual(['stored'])
  })

  it('that is given up keeps its place: what waits is not sent, what comes after flies only when what flew has landed', async () => {
    const it = world()
    const control = new AbortController()
    const given = it.publisher.publish(events('a', 2), control.signal)
    const behind = it.publisher.publish(events('a', 1, 2))
    control.abort(new Error('enough'))
    expect(await given).toMatchObject([{ status: 'unknown', error: { message: 'enough' } }, { status: 'unknown' }])
    expect(bodies(it)).toEqual(['a0'])
    it.sent[0]?.answer()
    expect(bodies(it)).toEqual(['a0', 'a2'])
    it.sent[1]?.answer()
    expect(statuses(await behind)).toEqual(['stored'])
  })

  it('has a bounded number under way', async () => {
    const it = world()
    const all = it.publisher.publish(Array.from({ length: 5_000 }, (_, at) => eventOf({ key: `k-${at}` })))
    expect(it.sent.length).toBe(2_048)
    for (let at = 0; at < it.sent.length; at++) it.sent[at]?.answer()
    expect(statuses(await all)).toEqual(Array(5_000).fill('stored'))
  })

  it('tells that the stream is missing where nobody listens', async () => {
    const it = world()
    const outcomes = it.publisher.publish(events('a', 1))
    it.sent[0]?.answer('', 'NATS/1.0 503\r\n\r\n')
    expect(statuses(await outcomes)).toEqual(['unknown'])
    expect(it.missing).toEqual([1])
  })

  it('closes when what flies has landed, or after a while', async () => {
    const it = world()
    const landing = it.publisher.publish(events('a', 1))
    const closing = it.publisher.close()
    it.sent[0]?.answer()
    await closing
    expect(statuses(await landing)).toEqual(['stored'])
    const other = world()
    const hanging = other.publisher.publish([...events('a', 2), ...events('b', 1)])
    const waiting = other.publisher.close()
    await other.runtime.advance(3_000)
    await waiting
    expect(statuses(await hanging)).toEqual(['unknown', 'unknown', 'unknown'])
  })
})
