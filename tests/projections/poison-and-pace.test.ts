import { defineEvent, defineProjection, documents, operationsOf, PermanentError } from 'tidings'
import { createTestBus, type TestWorld } from 'tidings/testing'
import { describe, expect, it } from 'vitest'

const Counted = defineEvent<{ readonly id: string; readonly n: number }>('thing.counted')

/** `n` below zero cannot be applied, until it is mended. */
const mended = { is: false }

const things = (onPoison: 'park' | 'skip' | 'halt', version = 1) =>
  defineProjection('things', {
    version,
    onPoison,
    documents: { things: documents<{ readonly seen: readonly number[] }>() },
    on: (on) => [
      on(Counted, async ({ data: { id, n } }, { documents: { things } }) => {
        if (n < 0 && !mended.is) throw new PermanentError('Below zero')
        things.put(id, { seen: [...((await things.get(id))?.seen ?? []), n] })
      }),
    ],
  })

type Things = ReturnType<typeof things>

async function seen({ bus }: TestWorld, projection: Things): Promise<Record<string, readonly number[]>> {
  const found = await projection.of(bus).documents.things.find()
  return Object.fromEntries(found.map(({ id, value }) => [id, value.seen]))
}

async function poisoned(onPoison: 'park' | 'skip' | 'halt'): Promise<{ world: TestWorld; projection: Things }> {
  mended.is = false
  const world = await createTestBus()
  const projection = things(onPoison)
  world.bus.use(projection)
  for (const [id, n] of [
    ['a', 1],
    ['a', -2],
    ['a', 3],
    ['b', 4],
  ] as const)
    await world.bus.publish(Counted, { id, n })
  await world.bus.settled()
  return { world, projection }
}

describe('an event that cannot be applied', () => {
  it('is parked with those behind it in its stream, and redriven in order', async () => {
    const { world, projection } = await poisoned('park')
    expect(await seen(world, projection)).toEqual({ a: [1], b: [4] })
    expect(await projection.of(world.bus).status()).toMatchObject({ generations: [{ parked: 2, dead: 1 }] })
    mended.is = true
    const operations = operationsOf(world.bus)
    await operations.parked.redrive({ subscription: 'projection:things:1' })
    await world.clock.advance('3s')
    await world.bus.settled()
    expect(await seen(world, projection)).toEqual({ a: [1, -2, 3], b: [4] })
    await world.close()
  })

  it('is left out with a record where that is asked for', async () => {
    const { world, projection } = await poisoned('skip')
    expect(await seen(world, projection)).toEqual({ a: [1, 3], b: [4] })
    const { items } = await operationsOf(world.bus).parked.list({ subscription: 'projection:things:1' })
    expect(items).toMatchObject([{ state: 'dead', type: 'thing.counted' }])
    await world.close()
  })

  it('halts its generation alone where that is asked for, until an operator resumes it', async () => {
    const { world, projection } = await poisoned('halt')
    expect((await seen(world, projection)).a).toEqual([1])
    const resuming = operationsOf(world.bus).resume('projection:things:1')
    mended.is = true
    await world.clock.advance('5s')
    await resuming
    await world.bus.settled()
    expect(await seen(world, projection)).toEqual({ a: [1, -2, 3], b: [4] })
    await world.close()
  })

  it('stops no switch to a rebuild that holds the same without it, and says that events are set aside', async () => {
    const { world, projection } = await poisoned('park')
    const { projections } = operationsOf(world.bus)
    await projections.rebuild('things')
    await world.clock.advance('5s')
    expect(await projections.progress('things')).toMatchObject({
      live: 2,
      generations: [{ parked: 2 }, { parked: 2, parity: { verdict: 'equal' } }],
    })
    expect(await seen(world, projection)).toEqual({ a: [1], b: [4] })
    await world.close()
  })
})

describe('a rebuild', () => {
  it('goes no faster than it is told to', async () => {
    await using world = await createTestBus()
    world.bus.use(things('park'))
    for (let n = 0; n < 400; n++) await world.bus.publish(Counted, { id: `t-${n}`, n })
    await world.bus.settled()
    const { projections } = operationsOf(world.bus)
    await projections.rebuild('things', { rate: 20 })
    await world.clock.advance('10s')
    const [, half] = (await projections.progress('things')).generations
    expect(half?.state).toBe('building')
    const built = (await world.store.find('projection:things:things:2', { limit: 1_000 })).length
    expect(built).toBeGreaterThan(100)
    expect(built).toBeLessThan(260)
    await world.clock.advance('20s')
    expect(await projections.progress('things')).toMatchObject({ live: 2 })
  })

  it('can be given up in the middle, and leaves nothing', async () => {
    await using world = await createTestBus()
    const projection = things('park')
    world.bus.use(projection)
    for (let n = 0; n < 300; n++) await world.bus.publish(Counted, { id: `t-${n}`, n })
    await world.bus.settled()
    const { projections } = operationsOf(world.bus)
    await projections.rebuild('things', { rate: 20 })
    await world.clock.advance('3s')
    expect(await projections.cancel('things')).toBe(true)
    await world.clock.advance('90s')
    expect((await projections.progress('things')).generations).toMatchObject([{ number: 1, state: 'live' }])
    for (const collection of [
      'projection:things:things:2',
      'checkpoints',
      'fences',
      'parked',
      'subscriptions',
      'owners',
    ]) {
      const left = await world.store.find(collection, { limit: 1_000 })
      expect(
        left.filter(({ id }) => collection.startsWith('projection') || id.startsWith('projection:things:2')),
      ).toEqual([])
    }
  })
})

describe('waiting for a position', () => {
  it('ends in time where the projection does not come there', async () => {
    await using world = await createTestBus()
    const projection = things('park')
    world.bus.use(projection)
    await world.bus.start()
    world.faults.add({ what: 'fail', at: 'checkpoint' })
    const { position } = await world.bus.publish(Counted, { id: 'a', n: 1 })
    const waiting = projection.of(world.bus).caughtUpTo(position, { timeout: '2s' })
    const rejected = expect(waiting).rejects.toMatchObject({ code: 'TIDINGS_DEADLINE', details: { position } })
    await world.clock.advance('3s')
    await rejected
    await expect(projection.of(world.bus).caughtUpTo(-1)).rejects.toMatchObject({ code: 'TIDINGS_INVALID_OPTION' })
    const stop = new AbortController()
    const aborted = expect(projection.of(world.bus).caughtUpTo(position, { signal: stop.signal })).rejects.toThrow(
      'enough',
    )
    stop.abort(new Error('enough'))
    await aborted
  })

  it('is answered by a process that feeds nothing of it', async () => {
    await using world = await createTestBus()
    await using reader = await createTestBus({ beside: world })
    const feeding = things('park')
    world.bus.use(feeding)
    await world.bus.start()
    await world.clock.advance('10s')
    const reading = things('park')
    reader.bus.use(reading)
    await reader.bus.start()
    const { position } = await world.bus.publish(Counted, { id: 'a', n: 1 })
    const waiting = reading.of(reader.bus).caughtUpTo(position)
    await world.clock.advance('1s')
    expect(await waiting).toEqual({ generation: 1, parked: 0 })
    expect(await seen(reader, reading)).toEqual({ a: [1] })
  })
})
