import { createEventBus, defineEvent, type EventBus, memoryStore, type Store, TidingsError } from 'tidings'
import { virtualRuntime } from 'tidings/testing'
import { afterEach, describe, expect, it } from 'vitest'

import { type Ran, runInProcess } from '../../tests/run-in-process.ts'

const OrderPlaced = defineEvent<{ readonly id: string }>('order.placed')

const runtime = virtualRuntime({ seed: 9 })
const open: EventBus[] = []

async function serve(store: Store, mode: 'queued' | 'inline' = 'queued'): Promise<EventBus> {
  const bus = await createEventBus({ store, runtime })
  open.push(bus)
  bus.subscribe(OrderPlaced, { name: 'spending', mode, replay: 'safe' }, () => {})
  await bus.start()
  return bus
}

async function end(bus: EventBus): Promise<void> {
  const closing = bus.close()
  await runtime.advance(20_000)
  await closing
}

/** A store with history and a registered subscription, which nobody runs. */
async function history(mode: 'queued' | 'inline' = 'queued'): Promise<Store> {
  const store = memoryStore()
  const bus = await serve(store, mode)
  await bus.publish(['a', 'b', 'c'].map((id) => OrderPlaced.create({ id })))
  await runtime.advance(1_000)
  await end(bus)
  return store
}

afterEach(async () => {
  for (const bus of open.splice(0)) await end(bus)
})

const unserved = /spending: no running process serves this subscription, so run 1 waits for one that does/

describe('tidings replay', () => {
  it('says that nobody runs the subscription once nothing has moved for a while, and goes on when somebody does', async () => {
    const store = await history()
    let said: Ran | undefined
    const running = runInProcess(['replay', 'spending'], { store, runtime }).then((ran) => (said = ran))
    await runtime.advance(60_000)
    expect(said).toBeUndefined()
    await serve(store)
    await runtime.advance(10_000)
    const { code, out, err } = await running
    expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/run 1 of spending\nDone\.\n$/) as string })
    expect(err).toMatch(unserved)
    expect(err.match(/\n/g)).toHaveLength(1)
  })

  it.each(['queued', 'inline'] as const)('says nothing of the kind where somebody runs it: %s', async (mode) => {
    const store = await history(mode)
    await serve(store, mode)
    // Three events at one in ten seconds: long enough for the question who serves it.
    const running = runInProcess(['replay', 'spending', '--rate', '0.1'], { store, runtime })
    await runtime.advance(60_000)
    expect(await running).toMatchObject({ code: 0, err: '' })
  })

  it('names the ways on when it is interrupted, and when its time is over', async () => {
    const store = await history()
    const interrupt = new AbortController()
    const running = runInProcess(['replay', 'spending'], { store, runtime, signal: interrupt.signal })
    await runtime.advance(1_000)
    interrupt.abort(new TidingsError('TIDINGS_WITHDRAWN', 'Interrupted by SIGINT.'))
    await runtime.advance(1_000)
    const ways = 'tidings replay spending --follow 1 goes on watching it, tidings replay spending --cancel 1 ends it.'
    const ran = await running
    expect(ran).toMatchObject({ code: 1, err: expect.stringContaining(ways) as string })
    expect(ran.err).toContain('TIDINGS_WITHDRAWN')

    const waiting = runInProcess(['replay', 'spending', '--follow', '1', '--wait', '1s'], { store, runtime })
    await runtime.advance(2_000)
    expect(await waiting).toMatchObject({ code: 1, err: expect.stringContaining(ways) as string })
    const waited = runInProcess(['--json', 'replay', 'spending', '--follow', '1', '--wait', '5s'], { store, runtime })
    await runtime.advance(6_000)
    const { json, err } = await waited
    expect(json.at(-1)).toMatchObject({ state: 'open', unserved: true })
    expect(err).toBe('')
  })
})
