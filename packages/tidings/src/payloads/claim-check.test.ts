import { randomBytes } from 'node:crypto'

import { beforeEach, describe, expect, it } from 'vitest'

import type { EventBusOptions } from '../bus/bus-options.ts'
import { createEventBus } from '../bus/create-event-bus.ts'
import { fromStructured, toStructured } from '../events/cloudevents-json.ts'
import { defineEvent } from '../events/define-event.ts'
import { verifyChecksum } from '../events/record-codec.ts'
import { virtualRuntime } from '../kernel/virtual-runtime.ts'
import { operationsOf } from '../operations/operations.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import { createTestBus, type TestWorld } from '../testing/create-test-bus.ts'
import { payloadId } from './claim.ts'
import type { PayloadStore } from './payload-store.ts'

const DocumentAdded = defineEvent<{ id: string; text: string }>('document.added', { version: '1.0.0' })
const DocumentRead = defineEvent<{ id: string; text: string }>('document.read', { version: '1.0.0' })

let kept: Map<string, Uint8Array>
let away: boolean
let payloads: PayloadStore
beforeEach(() => {
  kept = new Map()
  away = false
  payloads = {
    async put(id, bytes) {
      if (away) throw new Error('no such bucket')
      kept.set(id, bytes)
    },
    async get(id) {
      if (away) throw new Error('no such bucket')
      return kept.get(id)
    },
  }
})

const text = 'a long text, '.repeat(1_000)
const options = (): Pick<EventBusOptions, 'payloads' | 'publish'> => ({ payloads, publish: { claimAbove: 1_000 } })

describe('data that is kept apart', () => {
  it('is with the handler as it was published, and with the store by its name alone', async () => {
    await using world = await createTestBus(options())
    const heard: unknown[] = []
    for (const mode of ['queued', 'inline'] as const)
      world.bus.subscribe(
        DocumentAdded,
        { name: mode, mode },
        ({ data, context }) => void heard.push({ data, context }),
      )
    await world.bus.publish(DocumentAdded, { id: 'd-1', text }, { correlationId: 'c-1', userId: 'ada' })
    await world.bus.publish(DocumentAdded, { id: 'd-2', text: 'short' }, { correlationId: 'c-2' })
    await world.bus.settled()
    const long = { data: { id: 'd-1', text }, context: { correlationId: 'c-1', userId: 'ada', actor: 'user:ada' } }
    const short = { data: { id: 'd-2', text: 'short' }, context: { correlationId: 'c-2', actor: 'system' } }
    expect(heard).toHaveLength(4)
    expect(heard).toEqual(
      expect.arrayContaining([long, long, short, short].map((one) => expect.objectContaining({ data: one.data }))),
    )
    for (const one of heard) expect((one as { context: { extensions?: unknown } }).context.extensions).toBeUndefined()
    expect(kept.size).toBe(1)

    const { events } = await world.store.readAll({ after: 0, limit: 10 })
    const record = events[0]?.record
    expect(record?.data).toBe('')
    expect(record?.context).toContain('"dataref":"tidings-payload:')
    if (record !== undefined) verifyChecksum(record)
    const [history] = await world.bus.store.getEvents('document/d-1')
    expect(history).toMatchObject({ data: { id: 'd-1', text }, context: { userId: 'ada' } })
  })

  it('travels as a CloudEvent without data and with a dataref, and is whole again for whoever reaches the payloads', async () => {
    await using from = await createTestBus(options())
    await from.bus.publish(DocumentAdded, { id: 'd-1', text })
    const [stored] = (await from.store.readAll({ after: 0, limit: 1 })).events
    if (stored === undefined) throw new Error('nothing was stored')
    const message = JSON.parse(toStructured(stored.record)) as Record<string, unknown>
    expect(message).not.toHaveProperty('data')
    expect(message.dataref).toMatch(/^tidings-payload:[\w-]{43}\?bytes=\d+$/)

    const record = fromStructured(JSON.stringify(message), { now: 0 })
    const store = memoryStore()
    await store.commit([{ append: [record] }])
    const runtime = virtualRuntime({ seed: 1 })
    const bus = await createEventBus({ store, runtime, payloads })
    const heard: unknown[] = []
    bus.subscribe(DocumentAdded, { name: 'reader', from: 'beginning' }, (event) => void heard.push(event.data))
    await bus.start()
    await runtime.advance(2_000)
    expect(heard).toEqual([{ id: 'd-1', text }])
    const closing = bus.close()
    await runtime.advance(20_000)
    await closing
  })

  it('is kept compressed where both are asked for, and sealed by what is left', async () => {
    const seals: string[] = []
    await using world = await createTestBus({
      payloads,
      verifySeal: (record) => expect(record.seal).toBe(`k.${record.checksum}`),
      publish: {
        compressAbove: 100,
        claimAbove: 1_000,
        seal: (checksum) => {
          seals.push(checksum)
          return `k.${checksum}`
        },
      },
    })
    const heard: unknown[] = []
    world.bus.subscribe(DocumentAdded, { name: 'reader' }, ({ data }) => void heard.push(data))
    const noise = randomBytes(4_000).toString('hex')
    await world.bus.publish(DocumentAdded, { id: 'd-1', text: noise })
    await world.bus.settled()
    expect(heard).toEqual([{ id: 'd-1', text: noise }])
    const [bytes] = kept.values()
    expect(bytes?.subarray(0, 2)).toEqual(Buffer.from([0x1f, 0x8b]))
    expect(seals.length).toBeGreaterThan(0)
  })

  it('is kept before the event is known, or nothing is published', async () => {
    await using world = await createTestBus(options())
    away = true
    await expect(world.bus.publish(DocumentAdded, { id: 'd-1', text })).rejects.toThrow('no such bucket')
    expect((await world.store.readAll({ after: 0, limit: 1 })).events).toEqual([])
  })

  it('belongs to what handlers publish, to what is published later, and to each content once', async () => {
    const Once = defineEvent<{ id: string; text: string }>('document.kept', { dedup: 'content' })
    await using world = await createTestBus(options())
    const heard: unknown[] = []
    world.bus.subscribe(DocumentAdded, { name: 'copier' }, async ({ data }, { publish }) => {
      await publish(DocumentRead, data)
      await publish(Once, { id: 'same', text })
    })
    world.bus.subscribe([DocumentRead, Once], { name: 'reader' }, ({ type, data }) => void heard.push({ type, data }))
    await world.bus.publish(DocumentAdded, { id: 'd-1', text })
    await world.bus.publish(DocumentAdded, { id: 'd-2', text }, { delay: '1h' })
    await world.bus.settled()
    await world.clock.advance('2h')
    await world.bus.settled()
    expect(heard.filter((one) => (one as { type: string }).type === 'document.read')).toEqual(
      ['d-1', 'd-2'].map((id) => ({ type: 'document.read', data: { id, text } })),
    )
  })
})

interface Reader {
  readonly world: TestWorld
  readonly heard: readonly unknown[]
  readonly parked: () => Promise<unknown>
}

describe('data that cannot be had', () => {
  /** A service that has the events, and not what published them. */
  async function reader(reach: PayloadStore | undefined, maxIncomingBytes?: number): Promise<Reader> {
    const from = await createTestBus(options())
    await from.bus.publish(DocumentAdded, { id: 'd-1', text })
    const [stored] = (await from.store.readAll({ after: 0, limit: 1 })).events
    if (stored === undefined) throw new Error('nothing was stored')
    const record = fromStructured(toStructured(stored.record), { now: 0 })
    await from[Symbol.asyncDispose]()
    const store = memoryStore()
    await store.commit([{ append: [record] }])
    const world = await createTestBus({
      store,
      ...(reach === undefined ? {} : { payloads: reach }),
      ...(maxIncomingBytes === undefined ? {} : { maxIncomingBytes, publish: { maxBytes: maxIncomingBytes } }),
    })
    const heard: unknown[] = []
    world.bus.subscribe(
      DocumentAdded,
      { name: 'reader', from: 'beginning' },
      ({ data, ...event }) => void heard.push({ data, event }),
    )
    await world.bus.start()
    const parked = async (): Promise<unknown> => (await operationsOf(world.bus).parked.list()).items
    return { world, heard, parked }
  }

  it.each<[string, () => PayloadStore | undefined, () => void, string]>([
    ['is gone', () => payloads, () => kept.clear(), 'TIDINGS_PAYLOAD_MISSING'],
    ['is in a place nobody named', () => undefined, () => {}, 'TIDINGS_PAYLOAD_MISSING'],
    [
      'is not what it was',
      () => payloads,
      () => {
        for (const id of kept.keys()) kept.set(id, Buffer.from('{"id":"x"}'))
      },
      'TIDINGS_CHECKSUM_MISMATCH',
    ],
  ])('parks its event when it %s', async (_what, reach, damage, code) => {
    const made = await reader(reach())
    await using world = made.world
    damage()
    for (let round = 0; round < 20; round++) await world.clock.advance('1m')
    expect(made.heard).toEqual([])
    expect(await made.parked()).toMatchObject([{ state: 'dead', error: { code } }])
  })

  it("is waited for while its place is away, at no attempt's cost", async () => {
    away = false
    const made = await reader(payloads)
    await using world = made.world
    away = true
    for (let round = 0; round < 10; round++) await world.clock.advance('1m')
    expect(await made.parked()).toEqual([])
    away = false
    for (let round = 0; round < 3; round++) await world.clock.advance('1m')
    expect(made.heard).toHaveLength(1)
  })

  it('is refused unread where it is larger than this service takes', async () => {
    const made = await reader(payloads, 2_000)
    await using world = made.world
    await world.clock.advance('1m')
    expect(await made.parked()).toMatchObject([{ state: 'dead', error: { code: 'TIDINGS_UNDECODABLE' } }])
  })
})

it('names bytes by their hash', () => {
  expect(payloadId(Buffer.from('abc'))).toBe('ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0')
})
