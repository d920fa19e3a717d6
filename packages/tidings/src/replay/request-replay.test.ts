import { afterEach, describe, expect, it } from 'vitest'

import { createEventBus } from '../bus/create-event-bus.ts'
import type { EventBus } from '../bus/event-bus.ts'
import { defineEvent } from '../events/define-event.ts'
import { virtualRuntime } from '../kernel/virtual-runtime.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import { cancelReplay, replayProgress } from './replay-progress.ts'
import { previewReplay, requestReplay } from './request-replay.ts'

const Counted = defineEvent('counter.counted', { key: (data) => (data as { counter: string }).counter })
const Other = defineEvent('counter.renamed', { key: (data) => (data as { counter: string }).counter })

let bus: EventBus | undefined
const runtime = virtualRuntime({ seed: 11 })

afterEach(async () => {
  const closing = bus?.close()
  await runtime.advance(20_000)
  await closing
})

async function history(
  replay: 'safe' | 'unsafe',
): Promise<{ store: ReturnType<typeof memoryStore>; seen: string[]; called: string[] }> {
  const store = memoryStore()
  const seen: string[] = []
  const called: string[] = []
  bus = await createEventBus({ store, runtime })
  bus.subscribe('counter.*', { name: 'count', replay }, async (event, context) => {
    seen.push(`${context.replay ? 'again' : 'live'} ${(event.data as { n: number }).n}`)
    await context.effect('call', () => void called.push(event.id))
  })
  await bus.start()
  for (let n = 0; n < 40; n++) await bus.publish(n % 4 === 3 ? Other : Counted, { counter: `c-${n % 3}`, n })
  await runtime.advance(6_000)
  return { store, seen, called }
}

describe('a replay', () => {
  it('runs the part of history asked for as a run of its own, and calls nothing outside', async () => {
    const { store, seen, called } = await history('safe')
    const request = { subscription: 'count', from: 10, to: 30, types: ['counter.counted'] }
    expect(await previewReplay(store, request)).toEqual({ count: 15, after: 10, upTo: 30 })
    const live = await store.find('checkpoints', { prefix: 'count/0/' })
    const replay = await requestReplay(store, runtime, request)
    await runtime.advance(15_000)
    expect(await replayProgress(store, replay)).toMatchObject({ state: 'done', position: 30 })
    expect(seen.filter((line) => line.startsWith('again'))).toHaveLength(15)
    expect(seen.filter((line) => line.startsWith('live'))).toHaveLength(40)
    expect(called).toHaveLength(40)
    expect(await store.find('checkpoints', { prefix: 'count/0/' })).toEqual(live)
  })

  it('is refused by a subscription that is not declared safe', async () => {
    const { store, seen } = await history('unsafe')
    const replay = await requestReplay(store, runtime, { subscription: 'count' })
    await runtime.advance(5_000)
    expect(await replayProgress(store, replay)).toMatchObject({ state: 'refused' })
    expect(seen.filter((line) => line.startsWith('again'))).toEqual([])
    expect(await cancelReplay(store, runtime, replay)).toBe(false)
  })

  it('names a subscription that was never registered', async () => {
    const { store } = await history('safe')
    await expect(previewReplay(store, { subscription: 'nobody' })).rejects.toMatchObject({ code: 'TIDINGS_NOT_FOUND' })
  })
})
