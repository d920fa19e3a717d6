import { describe, expect, it } from 'vitest'

import { deleteStream } from '../bus/delete-stream.ts'
import { readWholeStream } from '../bus/read-whole-stream.ts'
import { snapshotsCollection } from '../bus/snapshot-documents.ts'
import { archiveCollection } from '../bus/stream-archive.ts'
import { readNote } from '../bus/stream-note.ts'
import { fromStructured } from '../events/cloudevents-json.ts'
import { defineEvent } from '../events/define-event.ts'
import type { Store } from '../store/store.ts'
import { createTestBus, type TestWorld } from '../testing/create-test-bus.ts'
import { archiveStream } from './archive-stream.ts'
import { decide } from './decide.ts'
import { defineAggregate } from './define-aggregate.ts'
import { load } from './load.ts'

const Added = defineEvent<{ readonly id: string; readonly n: number }>('sum.added')
const sums = (version = 1) =>
  defineAggregate('sum', {
    initial: 0,
    on: [Added],
    version,
    evolve: (total, { data: { n } }) => total + n * version,
    snapshot: { every: 1_000 },
  })
const stream = { tenant: '', category: 'sum', key: 's' }

async function filled(events: number): Promise<TestWorld> {
  const world = await createTestBus()
  await world.bus.publish(Array.from({ length: events }, (_, at) => Added.create({ id: 's', n: at + 1 })))
  return world
}

async function inLog({ store }: TestWorld): Promise<readonly number[]> {
  const events = await store.readStream(stream, { limit: 10_000 })
  return events.map(({ streamVersion }) => streamVersion)
}

async function versions({ bus }: TestWorld, options = {}): Promise<readonly number[]> {
  const all: number[] = []
  for await (const { streamVersion } of bus.store.readStream('sum/s', options)) all.push(streamVersion)
  return all
}

const range = (first: number, last: number): readonly number[] =>
  Array.from({ length: last - first + 1 }, (_, at) => first + at)

describe('archiving a stream', () => {
  it('moves its events out of the log, and reads on through the archive', async () => {
    await using world = await filled(350)
    const { bus } = world
    const lines: string[] = []
    expect(await archiveStream(bus, sums(), 's', { keep: 10, write: (line) => void lines.push(line) })).toEqual({
      archived: 340,
      through: 340,
    })
    expect(await inLog(world)).toEqual(range(341, 350))
    expect(lines.map((line) => JSON.parse(fromStructured(line, { now: 0 }).data as string).n)).toEqual(range(1, 340))
    expect(await versions(world)).toEqual(range(1, 350))
    expect(await versions(world, { from: 333 })).toEqual(range(333, 350))
    expect(await versions(world, { reverse: true })).toEqual(range(1, 350).toReversed())
    expect(await versions(world, { reverse: true, from: 300 })).toEqual(range(1, 300).toReversed())
    const total = (350 * 351) / 2
    expect(await load(bus, sums(), 's')).toEqual({ state: total, version: 350 })
    // A changed aggregate passes over the snapshot and reads all of it.
    expect(await load(bus, sums(2), 's')).toEqual({ state: 2 * total, version: 350 })
    expect(await load(bus, sums(), 's', { upTo: 100 })).toEqual({ state: 5_050, version: 100 })
    expect(await decide(bus, sums(), 's', () => Added.create({ id: 's', n: 1 }))).toMatchObject({ version: 351 })
  })

  it('goes on where it stood, and does nothing twice', async () => {
    await using world = await filled(5)
    const { bus } = world
    expect(await archiveStream(bus, sums(), 's')).toEqual({ archived: 5, through: 5 })
    expect(await archiveStream(bus, sums(), 's')).toEqual({ archived: 0, through: 5 })
    expect(await inLog(world)).toEqual([])
    expect(await decide(bus, sums(), 's', () => Added.create({ id: 's', n: 6 }))).toMatchObject({
      state: 21,
      version: 6,
    })
    expect(await archiveStream(bus, sums(), 's')).toEqual({ archived: 1, through: 6 })
    expect(await load(bus, sums(2), 's')).toEqual({ state: 42, version: 6 })
    expect(await archiveStream(bus, sums(), 'nothing')).toEqual({ archived: 0, through: 0 })
  })

  it('leaves what a subscription has still to handle', async () => {
    await using world = await filled(4)
    const { bus } = world
    let fail = true
    bus.subscribe(Added, { name: 'books', from: 'beginning', retry: { tries: 1 } }, ({ data }) => {
      if (fail && data.n === 3) throw new Error('closed')
    })
    await bus.settled()
    expect(await archiveStream(bus, sums(), 's')).toEqual({ archived: 2, through: 2 })
    expect(await inLog(world)).toEqual([3, 4])
    fail = false
  })

  it.each(['prune', 'commit'] as const)('is finished by the next where it died at a %s', async (call) => {
    for (let spared = 0; spared < 4; spared++) {
      await using world = await filled(120)
      let left = spared
      const dying: Store = {
        ...world.store,
        [call]: (...input: unknown[]) => {
          if (left-- <= 0) return Promise.reject(new Error('killed'))
          return (world.store[call] as (...all: unknown[]) => unknown)(...input)
        },
      }
      await using victim = await createTestBus({ store: dying })
      const killed = await archiveStream(victim.bus, sums(), 's', { keep: 20 }).catch((error: Error) => error.message)
      expect(await versions(world)).toEqual(range(1, 120))
      expect(await load(world.bus, sums(2), 's')).toEqual({ state: 2 * 7_260, version: 120 })
      await world.bus.publish(Array.from({ length: 5 }, () => Added.create({ id: 's', n: 1 })))
      expect((await archiveStream(world.bus, sums(), 's', { keep: 20 })).through).toBe(105)
      expect(await versions(world)).toEqual(range(1, 125))
      expect(await inLog(world)).toEqual(range(106, 125))
      expect(await load(world.bus, sums(2), 's')).toEqual({ state: 2 * 7_265, version: 125 })
      if (killed !== 'killed') break
    }
  })

  it('lets go of what is deleted', async () => {
    await using world = await filled(5)
    const { bus } = world
    await archiveStream(bus, sums(), 's', { keep: 2 })
    expect(await bus.store.deleteStream('sum/s')).toEqual({ removed: 5, version: 5 })
    expect(await world.store.find(archiveCollection)).toEqual([])
    expect(await versions(world)).toEqual([])
    expect(await load(bus, sums(), 's')).toEqual({ state: 0, version: 5 })
  })

  it('of which a document is broken is an error and not a wrong state', async () => {
    await using world = await filled(5)
    const { bus, store } = world
    await archiveStream(bus, sums(), 's')
    const [document] = await store.find(archiveCollection)
    const id = document?.id as string
    for (const put of ['{', JSON.stringify({ first: 1, positions: [1], events: ['{}'] })]) {
      await store.commit([{ documents: [{ collection: archiveCollection, id, put }] }])
      await expect(load(bus, sums(2), 's')).rejects.toMatchObject({ code: 'TIDINGS_STORE_CORRUPT' })
    }
    await store.commit([{ documents: [{ collection: archiveCollection, id, delete: true }] }])
    await expect(load(bus, sums(2), 's')).rejects.toMatchObject({ code: 'TIDINGS_HISTORY_GONE' })
  })

  it('is refused without snapshots, and where the lines cannot be written', async () => {
    await using world = await filled(5)
    const { bus } = world
    const bare = defineAggregate('sum', { initial: 0, evolve: (total) => total })
    await expect(archiveStream(bus, bare, 's')).rejects.toMatchObject({ details: { field: 'snapshot' } })
    await expect(archiveStream(bus, sums(), 's', { keep: -1 })).rejects.toMatchObject({ details: { field: 'keep' } })
    const full = () => Promise.reject(new Error('disk full'))
    await expect(archiveStream(bus, sums(), 's', { write: full })).rejects.toThrow('disk full')
    expect(await inLog(world)).toEqual(range(1, 5))
  })
})

describe('reading a stream that is archived meanwhile', () => {
  const all = range(1, 1_200)

  it.each([
    { how: 'from its beginning', options: {}, expected: all },
    { how: 'from a version on', options: { from: 300 }, expected: all.slice(299) },
    { how: 'in reverse', options: { reverse: true }, expected: all.toReversed() },
    {
      how: 'in reverse from a version on',
      options: { reverse: true, from: 900 },
      expected: all.slice(0, 900).toReversed(),
    },
  ])('skips nothing $how', async ({ options, expected }) => {
    for (const after of [1, 500, 501, 700]) {
      await using world = await filled(1_200)
      const seen: number[] = []
      for await (const { streamVersion } of world.bus.store.readStream('sum/s', options)) {
        if (seen.push(streamVersion) === after) await archiveStream(world.bus, sums(), 's', { keep: 100 })
      }
      expect(seen).toEqual(expected)
    }
  })

  it.each([{ keep: 0 }, { keep: 3 }])('goes on where the events are now (keep $keep)', async ({ keep }) => {
    await using world = await filled(20)
    const before = (await readNote(world.store, stream)).note
    await archiveStream(world.bus, sums(), 's', { keep })
    for (const [options, expected] of [
      [{ from: 8 }, range(8, 20)],
      [{ reverse: true }, range(1, 20).toReversed()],
    ] as const) {
      const seen: number[] = []
      for await (const events of readWholeStream(world.store, stream, before, options))
        seen.push(...events.map(({ streamVersion }) => streamVersion))
      expect(seen).toEqual(expected)
    }
  })

  it('reads nothing of what is deleted meanwhile', async () => {
    await using world = await filled(1_200)
    const seen: number[] = []
    for await (const { streamVersion } of world.bus.store.readStream('sum/s')) {
      if (seen.push(streamVersion) > 1) continue
      await archiveStream(world.bus, sums(), 's')
      await world.bus.store.deleteStream('sum/s')
      await world.bus.publish(Added, { id: 's', n: 1 })
    }
    expect(seen).toEqual([...range(1, 500), 1_201])
  })
})

describe('a stream that is deleted while it is archived', () => {
  const left = async ({ store }: TestWorld): Promise<readonly unknown[]> =>
    (await Promise.all([archiveCollection, snapshotsCollection, 'streams'].map((one) => store.find(one)))).flat()

  it('leaves nothing, at whatever commit that happens', async () => {
    const note = JSON.stringify({ ...stream, deleted: 600, archived: 0 })
    for (let at = 0; ; at++) {
      await using world = await filled(600)
      let commits = 0
      const store: Store = {
        ...world.store,
        async commit(units) {
          if (commits++ === at) await world.bus.store.deleteStream('sum/s')
          return world.store.commit(units)
        },
      }
      await using beside = await createTestBus({ store })
      const archiving = archiveStream(beside.bus, sums(), 's')
      if (at < 4) await expect(archiving).rejects.toMatchObject({ code: 'TIDINGS_CONFLICT' })
      else await archiving.catch(() => {})
      if (commits <= at) break
      expect(await left(world), `deleted at commit ${at}`).toEqual([expect.objectContaining({ body: note })])
    }
  })

  it('leaves nothing of what was archived since it was looked for', async () => {
    await using world = await filled(600)
    const gate = Promise.withResolvers<void>()
    const half = Promise.withResolvers<void>()
    let lines = 0
    const write = (): unknown => {
      if (++lines <= 500) return undefined
      half.resolve()
      return gate.promise
    }
    let archiving: Promise<unknown> | undefined
    const store: Store = {
      ...world.store,
      async commit(units) {
        archiving ??= archiveStream(world.bus, sums(), 's', { write }).catch((error: unknown) => error)
        await half.promise
        return world.store.commit(units)
      },
    }
    expect(await deleteStream(store, stream)).toEqual({ removed: 600, version: 600 })
    gate.resolve()
    expect(await archiving).toMatchObject({ code: 'TIDINGS_CONFLICT' })
    expect(await left(world)).toHaveLength(1)
  })
})

describe('a command whose events are in the archive', () => {
  const carryOut = ({ bus }: TestWorld, commandId: string) =>
    decide(bus, sums(), 's', () => [1, 2].map((n) => Added.create({ id: 's', n })), { commandId })

  it('is not carried out again', async () => {
    await using world = await createTestBus()
    for (let n = 0; n < 80; n++) await carryOut(world, `c-${n}`)
    expect(await archiveStream(world.bus, sums(), 's', { keep: 9 })).toEqual({ archived: 151, through: 151 })
    for (let n = 0; n < 80; n++) {
      const again = await carryOut(world, `c-${n}`)
      expect(again, `c-${n}`).toMatchObject({ repeated: true, version: 160, state: 240, events: [] })
    }
    expect(await carryOut(world, 'c-80')).toMatchObject({ version: 162 })
  })

  it('is one of its own service: another may call one the same', async () => {
    await using world = await createTestBus()
    await carryOut(world, 'c')
    await archiveStream(world.bus, sums(), 's')
    await using beside = await createTestBus({ store: world.store, source: 'another' })
    expect(await carryOut(beside, 'c')).toMatchObject({ version: 4 })
  })

  it('is forgotten with its stream', async () => {
    await using world = await createTestBus()
    await carryOut(world, 'c')
    await archiveStream(world.bus, sums(), 's')
    await world.bus.store.deleteStream('sum/s')
    expect(await carryOut(world, 'c')).toMatchObject({ version: 4, state: 3 })
  })
})
