import { AsyncLocalStorage } from 'node:async_hooks'

import { describe, expect, it, onTestFinished } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { virtualRuntime } from '../kernel/virtual-runtime.ts'
import { createEventBus } from './create-event-bus.ts'
import type { EventBus } from './event-bus.ts'

/** What a tracer, a logger or a database session of the application keeps. */
const surroundings = new AsyncLocalStorage<string>()

const Asked = defineEvent('thing.asked', { key: (data) => (data as { by: string }).by })

async function opened(): Promise<EventBus> {
  const runtime = virtualRuntime({ seed: 11 })
  const bus = await createEventBus({ url: 'memory:', runtime })
  onTestFinished(async () => {
    const closing = bus.close()
    await runtime.advance(20_000)
    await closing
  })
  return bus
}

/** Publishes of three requests that share one commit. */
async function ask(bus: EventBus): Promise<void> {
  await Promise.all(['r-1', 'r-2', 'r-3'].map((by) => surroundings.run(by, () => bus.publish(Asked, { by }))))
}

describe('what surrounds a handler', () => {
  it('is, for an inline listener, what surrounds its own publisher, however many share a commit', async () => {
    const bus = await opened()
    const seen: string[] = []
    bus.subscribe(Asked, { name: 'inline', mode: 'inline' }, async (event) => {
      await Promise.resolve()
      seen.push(`${(event.data as { by: string }).by} within ${surroundings.getStore()}`)
    })
    await bus.start()
    await ask(bus)
    expect(seen).toEqual(['r-1 within r-1', 'r-2 within r-2', 'r-3 within r-3'])
  })

  it('is, for a queued handler, what surrounded the start of the bus and no publisher', async () => {
    // On the real clock, because a virtual one runs everything in the turn of whoever moves it.
    const bus = await createEventBus({ url: 'memory:' })
    onTestFinished(() => bus.close())
    const seen: string[] = []
    let three = Promise.withResolvers<void>()
    bus.subscribe(Asked, { name: 'queued' }, async () => {
      await Promise.resolve()
      if (seen.push(surroundings.getStore() ?? 'nothing') % 3 === 0) three.resolve()
    })
    await surroundings.run('the start', () => bus.start())
    // The first time the log is still being read from the start; then it sleeps, and a publisher wakes it.
    for (let time = 0; time < 4; time++) {
      three = Promise.withResolvers<void>()
      await ask(bus)
      await three.promise
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
    }
    expect(seen).toEqual(Array(12).fill('the start'))
  })

  it('is restored for the publisher', async () => {
    const bus = await opened()
    bus.subscribe(Asked, { name: 'inline', mode: 'inline' }, () => surroundings.enterWith('elsewhere'))
    await bus.start()
    await surroundings.run('r-1', async () => {
      await bus.publish(Asked, { by: 'r-1' })
      expect(surroundings.getStore()).toBe('r-1')
    })
  })
})
