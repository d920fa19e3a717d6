import { describe, expect, it, onTestFinished } from 'vitest'
import { type AnyEventDefinition, defineEvent } from '../events/define-event.ts'
import { PermanentError } from '../kernel/errors.ts'
import { silentLog } from '../kernel/log.ts'
import { virtualRuntime } from '../kernel/virtual-runtime.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import { checkpointsCollection } from '../subscriber/partition-state.ts'
import { type ReplayRun, replayId, replaysCollection } from '../subscriber/replay-run.ts'
import { createEventBus } from './create-event-bus.ts'
import { keepRetention, passedByAll } from './retention.ts'

const Short = defineEvent('ping.sent', { retention: '1h', key: (data) => (data as { to: string }).to })
const Kept = defineEvent('order.placed', { key: (data) => (data as { to: string }).to })

/** A store that takes in what `there` publishes, with an hour to remember it, and the types in it. */
async function received(definitions: readonly AnyEventDefinition[]) {
  const runtime = virtualRuntime({ seed: 8 })
  const store = memoryStore()
  // Its clock is a month behind.
  const slow = virtualRuntime({ seed: 8, start: runtime.now() - 30 * 86_400_000 })
  const there = await createEventBus({ store, runtime: slow, source: '/there' })
  const stop = keepRetention(store, runtime, silentLog, () => definitions, {
    received: { own: '/here', stay: 3_600_000 },
  })
  onTestFinished(stop)
  const left = async (): Promise<string[]> =>
    (await store.readAll({ after: 0, limit: 10 })).events.map(({ record }) => record.type)
  return { runtime, there, left }
}

describe('retention', () => {
  it('lets own events go after the time of the bus, where their type says nothing else', async () => {
    const runtime = virtualRuntime({ seed: 6 })
    const store = memoryStore()
    const Audited = defineEvent('audit.entered', { retention: 'forever' })
    const Brief = defineEvent('blip.seen', { retention: '1m' })
    const bus = await createEventBus({ store, runtime, retention: '2h', events: [Audited, Brief, Kept] })
    const other = await createEventBus({ store, runtime, source: '/other' })
    await bus.start()
    for (const definition of [Audited, Brief, Kept]) await bus.publish(definition, { to: 'k-1' })
    await other.publish(Kept, { to: 'k-1' })
    const left = async (): Promise<string[]> =>
      (await store.readAll({ after: 0, limit: 10 })).events.map(({ record }) => `${record.source} ${record.type}`)
    await runtime.advance(30 * 60_000)
    expect(await left()).toEqual(['/app audit.entered', '/app order.placed', '/other order.placed'])
    await runtime.advance(3 * 3_600_000)
    expect(await left()).toEqual(['/app audit.entered', '/other order.placed'])
    const closing = bus.close()
    await runtime.advance(20_000)
    await closing
  })

  it('lets what types say of events of others win over the time to remember them', async () => {
    const { runtime, left, there } = await received([
      defineEvent('audit.entered', { retention: 'forever' }),
      defineEvent('blip.seen', { retention: '3h' }),
      defineEvent('tick.heard', { retention: '10m' }),
    ])
    for (const type of ['audit.entered', 'blip.seen', 'tick.heard', 'order.placed'])
      await there.publish(defineEvent(type), { to: 'k-1' })
    await runtime.advance(5 * 60_000)
    expect(await left()).toHaveLength(4)
    await runtime.advance(20 * 60_000)
    expect(await left()).toEqual(['audit.entered', 'blip.seen', 'order.placed'])
    await runtime.advance(2 * 3_600_000)
    expect(await left()).toEqual(['audit.entered', 'blip.seen'])
    await runtime.advance(2 * 3_600_000)
    expect(await left()).toEqual(['audit.entered'])
  })

  it('counts from when an event was received, whatever its own clock says', async () => {
    const { runtime, left, there } = await received([defineEvent('tick.heard', { retention: '10m' })])
    await runtime.advance(2 * 60_000)
    await there.publish(defineEvent('tick.heard'), { to: 'k-1' })
    await there.publish(defineEvent('order.placed'), { to: 'k-1' })
    await runtime.advance(6 * 60_000)
    expect(await left()).toEqual(['tick.heard', 'order.placed'])
    await runtime.advance(10 * 60_000)
    expect(await left()).toEqual(['order.placed'])
    await runtime.advance(2 * 3_600_000)
    expect(await left()).toEqual([])
  })

  it('looks once an hour for events of others whose time is over, and lets own ones stay', async () => {
    const runtime = virtualRuntime({ seed: 5 })
    const store = memoryStore()
    const there = await createEventBus({ store, runtime, source: '/there' })
    const here = await createEventBus({ store, runtime, source: '/here' })
    const stop = keepRetention(store, runtime, silentLog, () => [], { received: { own: '/here', stay: 7_200_000 } })
    const sources = async (): Promise<string[]> =>
      (await store.readAll({ after: 0, limit: 10 })).events.map(({ record }) => record.source)
    await there.publish(Kept, { to: 'k-1' })
    await here.publish(Kept, { to: 'k-1' })
    await runtime.advance(3_600_000)
    await there.publish(Kept, { to: 'k-1' })
    await runtime.advance(3_700_000)
    expect(await sources()).toEqual(['/here', '/there'])
    stop()
  })

  it('lets old events go when everybody has passed them, keeps other types, versions and what is parked', async () => {
    const runtime = virtualRuntime({ seed: 3 })
    const store = memoryStore()
    const bus = await createEventBus({ store, runtime })
    bus.subscribe([Short, Kept] as never, { name: 'reader' }, (event) => {
      if ((event as { data: { n: number } }).data.n === 70) throw new PermanentError('poison')
    })
    await bus.start()
    for (let n = 0; n < 100; n++) await bus.publish(n % 2 === 0 ? Short : Kept, { to: `k-${n}`, n })
    await runtime.advance(30 * 60_000)
    expect((await bus.store.getEvents('ping/k-0')).length).toBe(1)
    await runtime.advance(40 * 60_000)
    const left: number[] = []
    for await (const event of bus.store.readAll())
      if (event.type === 'ping.sent') left.push((event.data as { n: number }).n)
    // What is parked, and all behind it, stays.
    expect(left).toEqual(Array.from({ length: 15 }, (_, at) => 70 + 2 * at))
    const receipt = await bus.publish(Short, { to: 'k-0', n: 1_000 })
    expect(receipt.streamVersion).toBe(2)
    const closing = bus.close()
    await runtime.advance(20_000)
    await closing
  })

  it('keeps what an open replay has still to read', async () => {
    const runtime = virtualRuntime({ seed: 4 })
    const store = memoryStore({ partitions: 1 })
    const bus = await createEventBus({ store, runtime })
    bus.subscribe(Kept, { name: 'reader', replay: 'safe' }, () => {})
    await bus.start()
    for (let n = 0; n < 10; n++) await bus.publish(Kept, { to: 'k', n })
    await runtime.advance(6_000)
    expect(await passedByAll(store)).toBe(10)
    const closing = bus.close()
    await runtime.advance(20_000)
    await closing
    const asked: ReplayRun = { subscription: 'reader', run: 1, after: 3, upTo: 9, state: 'open', by: 'ops', at: 0 }
    const replay = async (run: ReplayRun): Promise<void> => {
      const index = { state: run.state, subscription: run.subscription }
      await store.commit([
        { documents: [{ collection: replaysCollection, id: replayId(run), put: JSON.stringify(run), index }] },
      ])
    }
    await replay(asked)
    expect(await passedByAll(store)).toBe(3)
    await store.commit([
      { documents: [{ collection: checkpointsCollection, id: 'reader/1/0', put: '{"watermark":6,"done":[]}' }] },
    ])
    expect(await passedByAll(store)).toBe(6)
    await replay({ ...asked, state: 'cancelled' })
    expect(await passedByAll(store)).toBe(10)
  })
})
