import { describe, expect, it, onTestFinished } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { TidingsError } from '../kernel/errors.ts'
import { sleep } from '../kernel/runtime.ts'
import { virtualRuntime } from '../kernel/virtual-runtime.ts'
import { operationsOf } from '../operations/operations.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import type { Engine } from '../subscriber/engine.ts'
import { subscriptionSettings } from '../subscriber/subscribe-options.ts'
import { subscriptionOf } from '../subscriber/subscription.ts'
import { createEventBus } from './create-event-bus.ts'
import { trimMemory } from './trim-memory.ts'

const Counted = defineEvent<{ readonly n: number }>('counter.counted', { key: () => 'c' })

describe('a bus on a store in memory', () => {
  it('keeps what a replay has still to read', async () => {
    const runtime = virtualRuntime({ seed: 4 })
    const bus = await createEventBus({ url: 'memory:', keep: 10, runtime })
    const again: number[] = []
    bus.subscribe(Counted, { name: 'count', replay: 'safe', window: 1 }, async ({ data: { n } }, { replay }) => {
      if (!replay) return
      await sleep(runtime, 100)
      again.push(n)
    })
    await bus.start()
    const publish = async (from: number, to: number): Promise<void> => {
      for (let n = from; n < to; n++) await bus.publish(Counted, { n })
      await runtime.advance(10)
    }
    await publish(0, 15)
    await operationsOf(bus).replays.start({ subscription: 'count' })
    // Before it has begun, and while it is on its way.
    await publish(15, 60)
    await runtime.advance(1_700)
    await publish(60, 120)
    await runtime.advance(60_000)
    expect(again).toEqual(Array.from({ length: 15 }, (_, n) => n))
    await publish(120, 160)
    expect((await bus.store.getEvents('counter/c')).length).toBeLessThan(40)
    const closing = bus.close()
    await runtime.advance(20_000)
    await closing
  })

  it('keeps what a subscription that is registered and yet to start has to read, and trims for one that hears inline', async () => {
    const runtime = virtualRuntime({ seed: 5 })
    const bus = await createEventBus({ url: 'memory:', keep: 10, runtime })
    const heard: number[] = []
    let inline = 0
    bus.subscribe(Counted, { name: 'inline', mode: 'inline' }, () => void inline++)
    bus.subscribe(Counted, { name: 'count' }, ({ data: { n } }) => void heard.push(n))
    const starting = bus.start()
    const publishing = (async () => {
      // While the engines start, one after another.
      for (let n = 0; n < 200; n++) await bus.publish(Counted, { n })
    })()
    await runtime.advance(1_000)
    await Promise.all([starting, publishing])
    await runtime.advance(1_000)
    expect(heard).toEqual(Array.from({ length: heard.length }, (_, at) => at + 200 - heard.length))
    for (let n = 200; n < 260; n++) await bus.publish(Counted, { n })
    await runtime.advance(1_000)
    expect((await bus.store.getEvents('counter/c')).length).toBeLessThan(80)
    expect(inline).toBeGreaterThanOrEqual(60)
    const closing = bus.close()
    await runtime.advance(20_000)
    await closing
  })

  it('is held up by the start of an engine that owns nothing', async () => {
    const store = memoryStore()
    const pruned: number[] = []
    const { settings } = subscriptionOf(Counted, subscriptionSettings({ name: 'count' }), () => {})
    const one = (mode: 'queued' | 'inline', releasedThrough: number) =>
      ({ subscription: { settings: { ...settings, mode } }, releasedThrough }) as unknown as Engine
    const live = new Map<string, Engine>()
    const trim = trimMemory(
      {
        store: { ...store, prune: async ({ through }) => ({ removed: pruned.push(through), more: false }) },
        log: () => {},
        starts: new Map([
          ['count', 30],
          ['inline', 0],
        ]),
        live,
        replays: () => new Map(),
      },
      10,
    )
    const after = async (head: number): Promise<number[]> => {
      trim(head)
      await new Promise(setImmediate)
      return pruned
    }
    live.set('inline', one('inline', Number.POSITIVE_INFINITY))
    expect(await after(100)).toEqual([30])
    live.set('count', one('queued', Number.POSITIVE_INFINITY))
    expect(await after(200)).toEqual([30])
    live.set('count', one('queued', 250))
    expect(await after(300)).toEqual([30, 250])
  })

  it.each([
    ['TIDINGS_CLOSED', []],
    ['TIDINGS_STORE_UNAVAILABLE', ['Old events could not be removed; it is tried again']],
  ] as const)('lets no failure of pruning go unhandled: %s', async (code, expected) => {
    const unhandled: unknown[] = []
    const note = (error: unknown): number => unhandled.push(error)
    process.on('unhandledRejection', note)
    onTestFinished(() => void process.off('unhandledRejection', note))
    const told: string[] = []
    const trim = trimMemory(
      {
        store: { ...memoryStore(), prune: () => Promise.reject(new TidingsError(code, 'It is so.')) },
        log: (_level, message) => void told.push(message),
        starts: new Map(),
        live: new Map(),
        replays: () => new Map(),
      },
      10,
    )
    trim(100)
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate)
    expect({ told, unhandled }).toEqual({ told: expected, unhandled: [] })
  })
})
