import {
  createEventBus,
  type Duration,
  defineEvent,
  defineProjection,
  documents,
  isSqlStore,
  memoryStore,
  operationsOf,
  sql,
  TidingsError,
} from 'tidings'
import type { Store, Unit } from 'tidings/spi'
import { createTestBus } from 'tidings/testing'
import { describe, expect, it } from 'vitest'

import { meanwhile, sqlWorld } from './sql-world.ts'

const Named = defineEvent<{ readonly id: string; readonly name: string }>('user.named', {
  category: 'user',
  key: ({ id }) => id,
})
const Seen = defineEvent<{ readonly id: string }>('user.seen', { category: 'user', key: ({ id }) => id })

const table = sql`(name text primary key, id text not null)`

const names = (before: (name: string) => unknown = () => {}, keep: Duration = '1d', version = 1) =>
  defineProjection('names', {
    version,
    switch: version === 1 ? 'auto' : 'manual',
    mode: 'same-commit',
    keep,
    tables: { names: table },
    on: (on) => [
      on(Named, async ({ data }, { write, tables }) => {
        await before(data.name)
        write(
          sql`insert into ${tables.names} (name, id) values (${version === 1 ? data.name : data.name.toUpperCase()}, ${data.id})`,
        )
      }),
    ],
  })

const takenNames = (called: () => void = () => {}) =>
  defineProjection('taken', {
    version: 1,
    mode: 'same-commit',
    documents: { taken: documents<{ readonly id: string }>() },
    on: (on) => [
      on(Named, async ({ data }, { documents: { taken } }) => {
        called()
        if ((await taken.get(data.name)) !== undefined) throw new Error(`${data.name} is taken.`)
        taken.put(data.name, { id: data.id })
      }),
    ],
  })

describe('a transaction with a projection in its commit', () => {
  it('is not beaten by what was appended to its stream before it began', async () => {
    await using here = await sqlWorld()
    const projection = names()
    here.bus.use(projection)
    await here.bus.start()
    await here.bus.publish(Named, { id: 'u-1', name: 'ada' })
    await here.bus.publish(Seen, { id: 'u-1' })
    await here.bus.transaction(({ publish }) => publish(Named, { id: 'u-1', name: 'bob' }))
    expect(await projection.of(here.bus).query(sql`select name from names order by name`)).toEqual([
      { name: 'ada' },
      { name: 'bob' },
    ])
  })

  it('is not beaten by what the projection was switched to before it began', async () => {
    await using here = await sqlWorld()
    const projection = names()
    here.bus.use(projection)
    await here.bus.start()
    await here.bus.publish(Named, { id: 'u-1', name: 'ada' })
    await here.bus.settled()
    await operationsOf(here.bus).projections.rebuild('names')
    await here.clock.advance('10s')
    expect(await operationsOf(here.bus).projections.progress('names')).toMatchObject({ live: 2 })
    await here.bus.transaction(({ publish }) => publish(Named, { id: 'u-1', name: 'bob' }))
    expect(await projection.of(here.bus).query(sql`select name from names order by name`)).toEqual([
      { name: 'ada' },
      { name: 'bob' },
    ])
  })
})

describe('a publish with a projection in its commit', () => {
  it('is not committed without its row where the bus closes while it waits', async () => {
    await using here = await sqlWorld()
    await using elsewhere = await createTestBus({ beside: here })
    await elsewhere.bus.start()
    here.bus.use(names())
    await here.bus.start()
    await here.bus.publish(Named, { id: 'u-1', name: 'ada' })
    await here.bus.settled()
    here.faults.add({ what: 'lose', at: 'wake' })
    await elsewhere.bus.publish(Named, { id: 'u-2', name: 'eve' })
    const waiting = here.bus.publish(Named, { id: 'u-2', name: 'ada' }).then(
      () => 'published',
      (error: unknown) => (error as { code?: string }).code,
    )
    await here.clock.advance('20ms')
    const closing = here.close()
    const outcome = await meanwhile(elsewhere, waiting)
    await closing
    expect(outcome).toBe('TIDINGS_CLOSED')
    expect(elsewhere.published(Named).map(({ data }) => data.name)).toEqual(['ada', 'eve'])
  })

  it('ends at its deadline where a handler does not, and lets the next one through', async () => {
    await using here = await sqlWorld()
    here.bus.use(names((name) => (name === 'slow' ? new Promise<void>(() => {}) : undefined)))
    await here.bus.start()
    const slow = here.bus.publish(Named, { id: 'u-1', name: 'slow' }, { deadline: '2s' })
    slow.catch(() => {})
    const next = here.bus.publish(Named, { id: 'u-1', name: 'ada' })
    await expect(meanwhile(here, slow)).rejects.toMatchObject({ code: 'TIDINGS_DEADLINE' })
    expect((await meanwhile(here, next)).streamVersion).toBe(1)
  })

  it('tells who is always beaten by others that it is so, and not of a version that he never expected', async () => {
    await using here = await sqlWorld()
    await using elsewhere = await createTestBus({ beside: here })
    await elsewhere.bus.start()
    here.bus.use(
      names(async () => {
        await elsewhere.bus.publish(Seen, { id: 'u-1' })
        await new Promise<void>((resolve) => here.clock.runtime.setTimer(20, resolve))
      }),
    )
    await here.bus.start()
    const beaten = here.bus.publish(Named, { id: 'u-1', name: 'ada' }, { deadline: '1s' })
    await expect(meanwhile(here, beaten)).rejects.toMatchObject({ code: 'TIDINGS_DEADLINE' })
    expect(here.published(Named)).toEqual([])
  })

  it('is repeated without harm, by an id of its own, though its handler refuses what is there already', async () => {
    await using here = await createTestBus()
    here.bus.use(takenNames())
    await here.bus.start()
    const own = { id: 'named-1', timestamp: here.clock.now() }
    const first = await here.bus.publish(Named, { id: 'u-1', name: 'ada' }, own)
    const again = await here.bus.publish(Named, { id: 'u-1', name: 'ada' }, own)
    expect(again.position).toBe(first.position)
    await expect(here.bus.publish(Named, { id: 'u-1', name: 'ada' }, { ...own, id: 'named-2' })).rejects.toThrow(
      'ada is taken.',
    )
    expect(here.published(Named)).toHaveLength(1)
  })

  it('keeps its place behind what others have appended after it was repeated', async () => {
    await using here = await sqlWorld()
    await using elsewhere = await createTestBus({ beside: here })
    await elsewhere.bus.start()
    here.bus.use(names())
    await here.bus.start()
    here.faults.add({ what: 'lose', at: 'wake' })
    const own = { id: 'named-1', timestamp: here.clock.now() }
    await here.bus.publish(Named, { id: 'u-1', name: 'first' }, own)
    await here.bus.publish(Named, { id: 'u-1', name: 'first' }, own)
    await elsewhere.bus.publish(Named, { id: 'u-1', name: 'second' })
    await meanwhile(here, here.bus.publish(Named, { id: 'u-1', name: 'third' }))
    if (!isSqlStore(here.store)) throw new Error('no SQL here')
    const rows = await here.store.query(sql`select name from names__g1 order by rowid`)
    expect(rows.map(({ name }) => name)).toEqual(['first', 'second', 'third'])
  })

  it('is left to those who run the version that readers see', async () => {
    await using here = await sqlWorld()
    await using newer = await createTestBus({ beside: here })
    const projection = names()
    here.bus.use(projection)
    await here.bus.start()
    newer.bus.use(names(undefined, '1d', 2))
    await newer.bus.start()
    await here.clock.advance('5s')
    await newer.bus.publish(Named, { id: 'u-1', name: 'ada' })
    await here.clock.advance('5s')
    expect(await projection.of(here.bus).query(sql`select name from names`)).toEqual([{ name: 'ada' }])
  })

  it('is told of as published where a try that gave no answer was applied while its repetition waited for its rows', async () => {
    const memory = memoryStore()
    let first: readonly Unit[] | undefined
    let tries = 0
    const store: Store = {
      ...memory,
      async commit(units) {
        if (!units.some(({ append }) => append?.some(({ type }) => type === Named.type))) return memory.commit(units)
        tries++
        if (tries === 1) {
          first = units
          throw new TidingsError('TIDINGS_COMMIT_UNKNOWN', 'The connection was lost.')
        }
        if (tries > 2) return memory.commit(units)
        // As a database does whose row locks the repetition waits for.
        await memory.commit(first ?? [])
        return units.map(() => ({ status: 'refused', error: new TidingsError('TIDINGS_UNIT_REFUSED', 'It is taken.') }))
      },
    }
    await using here = await createTestBus({ store })
    const projection = takenNames()
    here.bus.use(projection)
    await here.bus.start()
    const receipt = await meanwhile(here, here.bus.publish(Named, { id: 'u-1', name: 'ada' }))
    expect(receipt.streamVersion).toBe(1)
    expect(await projection.of(here.bus).documents.taken.get('ada')).toEqual({ id: 'u-1' })
  })

  it('is applied once where two buses that use the projection share a store of this process', async () => {
    const store = memoryStore()
    let calls = 0
    const buses = [1, 2].map(() => createEventBus({ source: '/test', store }))
    const [one, two] = await Promise.all(buses)
    if (one === undefined || two === undefined) throw new Error('no buses')
    try {
      for (const bus of [one, two]) {
        bus.use(takenNames(() => void calls++))
        await bus.start()
      }
      await one.publish(Named, { id: 'u-1', name: 'ada' })
      await two.publish(Named, { id: 'u-2', name: 'eve' })
      expect(calls).toBe(2)
    } finally {
      await one.close()
      await two.close()
      await store.close()
    }
  })
})

describe('a generation of a projection in the commit of its events', () => {
  it('leaves no mark behind when it goes', async () => {
    await using here = await sqlWorld()
    here.bus.use(names(undefined, '5s'))
    await here.bus.start()
    await here.bus.publish(Named, { id: 'u-1', name: 'ada' })
    await here.bus.settled()
    // An event that has left the log before its subscription came by.
    await here.store.commit([
      { documents: [{ collection: 'inline', id: 'projection:names:1/0//test/gone', put: '{}' }] },
    ])
    const before = (await here.store.find('inline')).length
    await operationsOf(here.bus).projections.rebuild('names')
    await here.clock.advance('10s')
    await here.clock.advance('90s')
    expect([before, await here.store.find('inline')]).toEqual([1, []])
  })

  it('is compared as it was held, and seen with every row that was published, whatever the clock of a publisher says', async () => {
    await using here = await sqlWorld()
    await using ahead = await createTestBus({ beside: here })
    const pause = (ms: number): Promise<void> => new Promise((resolve) => void here.clock.runtime.setTimer(ms, resolve))
    here.bus.use(names())
    ahead.bus.use(names())
    await here.bus.start()
    await ahead.bus.start()
    for (const { faults } of [here, ahead]) {
      faults.add({ what: 'lose', at: 'wake' })
      faults.add({ what: 'delay', at: 'find', takes: [20, 40] })
    }
    const { store } = here
    if (!isSqlStore(store)) throw new Error('no SQL here')
    let n = 0
    let going = true
    const missing: number[] = []
    const publish = async (): Promise<void> => {
      let jumped = false
      while (going) {
        const [document] = await store.find('projections', { id: 'names' })
        if (!jumped && document?.body.includes('"hold"') === true) {
          // To this one, what is held is over from now on.
          ahead.process.jump(600_000)
          jumped = true
        }
        await ahead.bus.publish(Named, { id: `u-${n}`, name: `n-${n}` })
        n++
        for (let looks = 0; looks < 4; looks++) {
          const [row] = await store.query(sql`select count(*) as n from names`)
          if (Number(row?.n) < n) missing.push(n)
          await pause(5)
        }
      }
    }
    const traffic = publish()
    await here.clock.advance('1s')
    await meanwhile(here, operationsOf(here.bus).projections.rebuild('names'))
    await here.clock.advance('8s')
    going = false
    await meanwhile(here, traffic)
    await here.clock.advance('20s')
    expect(missing).toEqual([])
    expect(n).toBeGreaterThan(100)
    expect(await meanwhile(here, operationsOf(here.bus).projections.progress('names'))).toMatchObject({ live: 2 })
  })
})
