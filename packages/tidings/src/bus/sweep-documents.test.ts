import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { virtualRuntime } from '../kernel/virtual-runtime.ts'
import { claimContent, dedupCollection } from '../publisher/content-mark.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import type { CommitResult, Store, Unit } from '../store/store.ts'
import { effectsCollection } from '../subscriber/attempt.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import { sweepDedup } from './sweep-dedup.ts'
import { EffectsSweep } from './sweep-effects.ts'

const Told = defineEvent<{ readonly n: number }>('tale.told', { dedup: 'content', key: () => 't' })
const Brief = defineEvent<{ readonly n: number }>('blip.seen', { retention: '1h', key: () => 'b' })
const Lasting = defineEvent<{ readonly n: number }>('order.placed', { key: () => 'o' })

const hour = 3_600_000

async function ids(store: Store, collection: string): Promise<readonly string[]> {
  return (await store.find(collection)).map(({ id }) => id)
}

/** Claims a content as a publisher does: what it has read, and how it then goes. */
async function claim(store: Store, id: string, now: number) {
  const event = { id } as Parameters<typeof claimContent>[2]
  const read = await claimContent(store, 'mark', event, now, hour)
  if ('first' in read) return { first: read.first.id }
  const unit: Unit = { expect: [read.expect], documents: [read.document] }
  return { commit: async (): Promise<CommitResult['status'] | undefined> => (await store.commit([unit]))[0]?.status }
}

describe('marks of content', () => {
  it('go when their window is over, and not before', async () => {
    await using first = await createTestBus()
    await using second = await createTestBus({ beside: first })
    const { bus, clock, store } = first
    await bus.start()
    await second.bus.start()
    for (let n = 0; n < 450; n++) await bus.publish(Told, { n })
    await clock.advance('30m')
    await bus.publish(Told, { n: 1_000 })
    await clock.advance('85m')
    const left = async (): Promise<number> => (await store.find(dedupCollection, { limit: 1_000 })).length
    expect(await left()).toBe(451)
    await clock.advance('10m')
    expect(await left()).toBe(1)
    await clock.advance('30m')
    expect(await left()).toBe(0)
    await bus.publish(Told, { n: 1_000 })
    await clock.advance('59m')
    expect((await bus.publish(Told, { n: 1_000 })).duplicateOf).toBeDefined()
    expect((await bus.publish(Told, { n: 0 })).duplicateOf).toBeUndefined()
    expect((await bus.publish(Told, { n: 0 })).duplicateOf).toBeDefined()
  })

  it('can be claimed anew while they go, by one only', async () => {
    const sweep = (now: number): Promise<void> => sweepDedup(store, now, () => false)
    const store = memoryStore()
    await (await claim(store, 'first', 0)).commit?.()
    const now = 10 * hour
    // It has read the old mark, and the sweep comes before it can write.
    const slow = await claim(store, 'slow', now)
    await sweep(now)
    await sweep(now + hour)
    expect(await ids(store, dedupCollection)).toEqual([])
    const fast = await claim(store, 'fast', now + hour)
    expect(await fast.commit?.()).toBe('committed')
    expect(await claim(store, 'slow', now + hour)).toEqual({ first: 'fast' })
    await sweep(now + 2 * hour - 1)
    expect(await ids(store, dedupCollection)).toHaveLength(1)

    // Between its two steps it can be replaced, and what is new stays.
    await sweep(now + 2 * hour)
    expect(await slow.commit?.()).toBe('conflict')
    const next = await claim(store, 'next', now + 2 * hour)
    const racing = await claim(store, 'racing', now + 2 * hour)
    expect([await next.commit?.(), await racing.commit?.()]).toEqual(['committed', 'conflict'])
    await sweep(now + 3 * hour - 1)
    expect(await claim(store, 'last', now + 3 * hour - 1)).toEqual({ first: 'next' })
  })

  it('are claimed by one only where the sweep came after they were read', async () => {
    const store = memoryStore()
    await (await claim(store, 'first', 0)).commit?.()
    const slow = await claim(store, 'slow', 10 * hour)
    await sweepDedup(store, 10 * hour, () => false)
    const fast = await claim(store, 'fast', 10 * hour)
    expect([await fast.commit?.(), await slow.commit?.()]).toEqual(['committed', 'conflict'])
  })
})

describe('records of calls to the outside', () => {
  it('stay as long as their event stands in the log, and go when it has left', async () => {
    await using world = await createTestBus()
    const { bus, clock, store } = world
    const called: number[] = []
    bus.subscribe([Brief, Lasting], { name: 'mail', replay: 'safe' }, async ({ data: { n } }, { effect }) => {
      await effect('send', () => void called.push(n))
    })
    await bus.start()
    for (let n = 0; n < 450; n++) await bus.publish(n % 10 === 0 ? Lasting : Brief, { n })
    await clock.advance('50m')
    expect(await ids(store, effectsCollection)).toHaveLength(450)
    await clock.advance('20m')
    expect(await ids(store, effectsCollection)).toHaveLength(45)
    expect(called).toHaveLength(450)
  })

  it('stay where nobody can tell which event they are of', async () => {
    const store = memoryStore()
    const put = (id: string, body: unknown): Unit => ({
      documents: [{ collection: effectsCollection, id, put: typeof body === 'string' ? body : JSON.stringify(body) }],
    })
    await store.commit([
      put('a', 'no JSON'),
      put('b', { subscription: 'mail', eventId: 4 }),
      put('mail//app/e-1/send/it', { subscription: 'mail', eventId: 'e-2', name: 'send/it' }),
      put('mail//app/e-3/send/it', { subscription: 'mail', eventId: 'e-3', name: 'send/it' }),
    ])
    await new EffectsSweep(store).run(() => false)
    expect(await ids(store, effectsCollection)).toEqual(['a', 'b', 'mail//app/e-1/send/it'])
  })

  it('are gone round in batches, also where most of them stay', async () => {
    const runtime = virtualRuntime({ seed: 2 })
    await using world = await createTestBus()
    const { bus, store } = world
    const { id } = await bus.publish(Lasting, { n: 1 })
    const put = (eventId: string, name: string): Unit => ({
      documents: [
        {
          collection: effectsCollection,
          id: `mail/${bus.source}/${eventId}/${name}`,
          put: JSON.stringify({ subscription: 'mail', eventId, name }),
        },
      ],
    })
    for (let at = 0; at < 500; at++) await store.commit([put(id, `call-${String(at).padStart(4, '0')}`)])
    await store.commit([put('zzz-gone', 'call'), put('000-gone', 'call')])
    const sweep = new EffectsSweep(store)
    const left: number[] = []
    for (let round = 0; round < 4; round++) {
      await sweep.run(() => false)
      left.push((await store.find(effectsCollection, { limit: 1_000 })).length)
      await runtime.advance(60_000)
    }
    expect(left).toEqual([501, 501, 500, 500])
  })
})
