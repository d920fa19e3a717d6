import { describe, expect, it } from 'vitest'

import { TidingsError } from '../../kernel/errors.ts'
import { mulberry32 } from '../../kernel/virtual-runtime.ts'
import { Books, Listener, logged, logWorld, recordOf } from './log-world.ts'

describe('reading the log', () => {
  it('owns everything right after subscribe and delivers what is there, in order', async () => {
    const world = logWorld(1)
    await world.append(1_000)
    const { transport } = world.process()
    const listener = await new Listener(new Books()).join(transport, { group: 'g' })
    await world.runtime.advance(0)
    expect(listener.owned.size).toBe(8)
    expect(listener.books.handled).toEqual(await logged(world.store))
    expect(listener.problems).toEqual([])
  })

  it('delivers nothing that was not requested, and nothing inside request', async () => {
    const world = logWorld(2)
    await world.append(100)
    const { transport } = world.process()
    const listener = new Listener(new Books())
    listener.greedy = false
    await listener.join(transport, { group: 'g' }, 0)
    await world.runtime.advance(1_000)
    expect(listener.got).toHaveLength(0)
    for (const [count, sum] of [
      [1, 1],
      [7, 8],
      [0, 8],
      [50, 58],
      [500, 100],
    ] as const) {
      listener.request(count)
      await world.runtime.advance(0)
      expect(listener.got).toHaveLength(sum)
    }
    await world.append(460)
    await world.runtime.advance(1_000)
    expect(listener.got).toHaveLength(558)
    expect(listener.problems).toEqual([])
  })

  it('hears by the poll timer where nobody wakes it', async () => {
    const world = logWorld(3)
    const process = world.process({ poll: 100 })
    const listener = await new Listener(new Books()).join(process.transport, { group: 'g' })
    await world.runtime.advance(0)
    process.health = 'failing' // Deaf as well: what is committed now wakes nobody.
    await world.append(5)
    process.health = 'well'
    await world.runtime.advance(99)
    expect(listener.got).toHaveLength(0)
    await world.runtime.advance(2)
    expect(listener.got).toHaveLength(5)
    // At rest it looks more seldom.
    await world.runtime.advance(5_000)
    process.health = 'failing'
    await world.append(3)
    process.health = 'well'
    await world.runtime.advance(400)
    expect(listener.got).toHaveLength(8)
  })

  it('hardly looks at all where nothing comes, and at once where it is woken', async () => {
    const world = logWorld(3)
    const process = world.process({ poll: 100 })
    const listener = await new Listener(new Books()).join(process.transport, { group: 'g' })
    await world.runtime.advance(2_000)
    const before = process.calls
    await world.runtime.advance(10_000)
    expect(process.calls - before).toBeLessThan(80)
    await world.append(1)
    await world.runtime.advance(0)
    expect(listener.got).toHaveLength(1)
  })

  it('hears only its topics, and is told how far everything has been looked at', async () => {
    const world = logWorld(4)
    const { transport } = world.process({ page: 16 })
    const some = await new Listener(new Books()).join(transport, { group: 'some', topics: ['invoice', 'payment'] })
    const all = await new Listener(new Books()).join(transport, { group: 'all' })
    for (const category of ['order', 'invoice', 'order', 'payment', 'order']) await world.append(40, category)
    await world.runtime.advance(0)
    expect(some.books.handled).toEqual(await logged(world.store, ['invoice', 'payment']))
    expect(all.books.handled).toEqual(await logged(world.store))
    for (const listener of [some, all]) {
      expect([...listener.scans.values()]).toEqual(Array(8).fill(200))
      expect(listener.problems).toEqual([])
    }
  })

  it('starts a partition over after a seek and leaves the others alone', async () => {
    const world = logWorld(5)
    await world.append(500)
    const { transport } = world.process({ window: 32, page: 8 })
    const listener = await new Listener(new Books()).join(transport, { group: 'g' })
    await world.runtime.advance(0)
    const before = listener.got.length
    listener.seek(3, 0)
    await world.append(100)
    await world.runtime.advance(0)
    const offsets = await logged(world.store)
    const again = listener.got.slice(before)
    for (let partition = 0; partition < 8; partition++) {
      const expected = partition === 3 ? offsets[3] : offsets[partition]?.filter((offset) => offset > 500)
      expect(again.filter((delivery) => delivery.partition === partition).map(({ offset }) => offset)).toEqual(expected)
    }
    expect(listener.problems).toEqual([])
  })

  it('refuses bad input and what a log cannot do, and ignores what comes too late', async () => {
    const world = logWorld(6)
    const { transport } = world.process()
    const listener = await new Listener(new Books()).join(transport, { group: 'g' })
    const consumer = listener.consumer as NonNullable<Listener['consumer']>
    for (const count of [-1, 1.5, Number.NaN])
      expect(() => consumer.request(count)).toThrow(expect.objectContaining({ code: 'TIDINGS_INVALID_OPTION' }))
    for (const [partition, offset] of [
      [8, 0],
      [-1, 0],
      [0, -1],
      [0, 0.5],
    ] as const) {
      expect(() => consumer.seek(partition, offset)).toThrow(
        expect.objectContaining({ code: 'TIDINGS_INVALID_OPTION' }),
      )
    }
    expect(() => consumer.settle({ partition: 0, offset: 1, stream: '', record: undefined }, 'done')).toThrow(
      expect.objectContaining({ code: 'TIDINGS_NOT_SUPPORTED' }),
    )
    await expect(transport.subscribe({ group: '' }, listener)).rejects.toMatchObject({ code: 'TIDINGS_INVALID_OPTION' })
    await expect(transport.subscribe({ group: 'x', topics: [] }, listener)).rejects.toMatchObject({
      code: 'TIDINGS_INVALID_OPTION',
    })
    expect(() => world.process({ poll: 0, window: 0 })).toThrow(/`poll`.*`window`/)
    await consumer.close()
    consumer.request(5)
    consumer.seek(0, 0)
    await transport.close()
    await expect(transport.subscribe({ group: 'g' }, listener)).rejects.toMatchObject({ code: 'TIDINGS_CLOSED' })
    await expect(transport.publish([])).rejects.toMatchObject({ code: 'TIDINGS_CLOSED' })
  })

  it('keeps memory flat with 200,000 events waiting', async () => {
    const world = logWorld(7)
    for (let batch = 0; batch < 200; batch++) await world.append(1_000)
    const process = world.process({ window: 2_048, page: 512 })
    const slow = new Listener(new Books())
    slow.greedy = false
    await slow.join(process.transport, { group: 'slow' }, 10)
    await world.runtime.advance(10_000)
    expect(slow.got).toHaveLength(10)
    expect(process.read).toBeLessThanOrEqual(512)
    const fast = await new Listener(new Books()).join(process.transport, { group: 'fast' }, 1_000)
    for (let turn = 0; turn < 100 && fast.got.length < 200_000; turn++) await world.runtime.advance(1_000)
    expect(fast.books.count).toBe(200_000)
    // Once each for the fast one; nothing more was taken in for the one that asks for nothing.
    expect(process.read).toBeLessThanOrEqual(201_024)
    slow.request(5)
    await world.runtime.advance(0)
    expect(slow.got.map(({ offset }) => offset)).toEqual(Array.from({ length: 15 }, (_, at) => at + 1))
  })

  it('reads the head once for all consumers that are near', async () => {
    const world = logWorld(8)
    const process = world.process()
    const listeners = await Promise.all(
      Array.from({ length: 10 }, (_, at) => new Listener(new Books()).join(process.transport, { group: `g${at}` })),
    )
    await world.runtime.advance(0)
    for (let batch = 0; batch < 20; batch++) {
      await world.append(100)
      await world.runtime.advance(10)
    }
    for (const listener of listeners) expect(listener.books.count).toBe(2_000)
    expect(process.read).toBe(2_000)
  })

  it('asks the store only for what its own consumers want', async () => {
    const world = logWorld(9)
    const first = world.process()
    const second = world.process()
    const books = new Books()
    await new Listener(books).join(first.transport, { group: 'g', topics: ['order'] })
    await new Listener(books).join(second.transport, { group: 'g', topics: ['order'] })
    await world.runtime.advance(10_000)
    for (let batch = 0; batch < 10; batch++) {
      await world.append(100, 'order')
      await world.append(100, 'other')
      await world.runtime.advance(100)
    }
    expect(books.count).toBe(1_000)
    expect(first.read + second.read).toBe(1_000)
    expect(first.read).toBeGreaterThan(200)
    expect(second.read).toBeGreaterThan(200)
  })

  it('goes on after the store has failed for a while, and says so once each time', async () => {
    const world = logWorld(10)
    const process = world.process()
    const listener = await new Listener(new Books()).join(process.transport, { group: 'g' })
    await world.append(50)
    await world.runtime.advance(0)
    process.health = 'failing'
    const calls = process.calls
    await world.append(50)
    await world.runtime.advance(60_000)
    expect(listener.got).toHaveLength(50)
    expect(process.calls - calls).toBeLessThan(80)
    process.health = 'well'
    await world.runtime.advance(6_000)
    expect(listener.books.handled).toEqual(await logged(world.store))
    expect(listener.problems).toEqual([])
    const said = world.log.map(({ level, message }) => `${level}: ${message}`)
    expect(said.toSorted()).toEqual([
      'info: The store answers again while partitions are shared out.',
      'info: The store answers again while the tail is read.',
      'warn: The store fails while partitions are shared out; trying on.',
      'warn: The store fails while the tail is read; trying on.',
    ])
    await process.transport.close()
    await world.runtime.advance(0)
    expect(world.runtime.pending).toBe(0)
  })

  it('ends, and says so once, when the store is closed under it', async () => {
    const world = logWorld(11)
    const { transport } = world.process()
    const listeners = await Promise.all(['a', 'b'].map((group) => new Listener(new Books()).join(transport, { group })))
    await world.runtime.advance(0)
    await world.store.close()
    await world.runtime.advance(20_000)
    for (const listener of listeners) {
      expect(listener.told.slice(1)).toEqual(['ended The memory store is closed.'])
      await listener.consumer?.close()
      listener.consumer?.request(1)
    }
    await transport.close()
    await world.runtime.advance(0)
    expect(world.runtime.pending).toBe(0)
  })

  it('ends a consumer whose sink throws, and leaves the others alone', async () => {
    const world = logWorld(12)
    const { transport } = world.process()
    const bad = new Listener(new Books())
    bad.deliver = () => {
      throw new Error('broken sink')
    }
    await bad.join(transport, { group: 'bad' })
    const good = await new Listener(new Books()).join(transport, { group: 'good' })
    await world.append(10)
    await world.runtime.advance(1_000)
    expect(bad.told.at(-1)).toBe('ended broken sink')
    expect(good.got).toHaveLength(10)
  })

  it('finds its events in a long log of a store that looks at a few positions a page, and keeps nobody at the head waiting', async () => {
    // 700 positions a page: a page may end early and empty, long before the head.
    const world = logWorld(15, 8, (inner) => ({
      ...inner,
      readAll: (query) =>
        inner.readAll({ ...query, upTo: Math.min(query.upTo ?? Number.POSITIVE_INFINITY, query.after + 700) }),
    }))
    for (let batch = 0; batch < 60; batch++) await world.append(1_000)
    await world.append(5, 'rare')
    const process = world.process({ window: 500, page: 64 })
    const atHead = new Books()
    atHead.place.fill(60_005)
    const live = await new Listener(atHead).join(process.transport, { group: 'live' })
    const rare = await new Listener(new Books()).join(process.transport, { group: 'rare', topics: ['rare'] })
    await world.runtime.advance(0)
    expect(rare.got).toHaveLength(5)
    await world.append(3, 'rare')
    await world.runtime.advance(0)
    expect(rare.got).toHaveLength(8)
    expect(live.got).toHaveLength(3)
    // One page a step of 700, and a few more at the head; not a page a poll.
    expect(process.calls).toBeLessThan(60_000 / 700 + 40)
  })

  it('passes over a damaged event after it has tried, and says so', async () => {
    const damaged = { from: 41, to: 43 }
    const world = logWorld(16, 8, (inner) => ({
      ...inner,
      async readAll(query) {
        if (query.after >= damaged.to || query.limit === Number.MAX_SAFE_INTEGER) return inner.readAll(query)
        const page = await inner.readAll({
          ...query,
          upTo: Math.min(query.upTo ?? Number.POSITIVE_INFINITY, damaged.from - 1),
        })
        if (page.events.length > 0) return page
        throw new TidingsError('TIDINGS_STORE_CORRUPT', 'Damaged.', {
          details: { position: damaged.from, next: damaged.to + 1 },
        })
      },
    }))
    await world.append(100)
    const { transport } = world.process()
    const listener = await new Listener(new Books()).join(transport, { group: 'g' })
    await world.runtime.advance(50)
    expect(listener.got).toHaveLength(40)
    await world.runtime.advance(1_000)
    expect(listener.books.handled).toEqual(
      (await logged(world.store)).map((offsets) =>
        offsets.filter((offset) => offset < damaged.from || offset > damaged.to),
      ),
    )
    expect(world.log.filter(({ level }) => level === 'error')).toMatchObject([{ fields: damaged }])
  })

  it('lets others run while a million events wait', async () => {
    const world = logWorld(13)
    await world.append(50_000)
    // Each look at the clock takes 0.1 ms, so that work costs time.
    let spent = 0
    const { runtime } = world
    const monotonic = runtime.monotonic.bind(runtime)
    runtime.monotonic = () => monotonic() + (spent += 0.1)
    const { transport } = world.process()
    const listener = await new Listener(new Books()).join(transport, { group: 'g' })
    let turns = 0
    const tick = (): void => {
      turns++
      if (listener.got.length < 50_000) runtime.defer(tick)
    }
    runtime.defer(tick)
    while (listener.got.length < 50_000) await runtime.step()
    expect(turns).toBeGreaterThan(5)
    expect(listener.books.handled).toEqual(await logged(world.store))
  })

  it('stores what is published and answers each event in its place', async () => {
    const world = logWorld(14)
    const process = world.process()
    const once = { ...recordOf('one', 'order', 'a'), fresh: false }
    expect(await process.transport.publish([once, recordOf('two', 'order', 'a')])).toEqual([
      { status: 'stored' },
      { status: 'stored' },
    ])
    expect(await process.transport.publish([once])).toEqual([{ status: 'stored' }])
    expect((await logged(world.store)).flat()).toHaveLength(2)
    process.health = 'failing'
    expect(await process.transport.publish([once])).toEqual([
      { status: 'unknown', error: expect.objectContaining({ code: 'TIDINGS_STORE_UNAVAILABLE' }) },
    ])
    process.health = 'hanging'
    const stop = new AbortController()
    const pending = process.transport.publish([once, once], stop.signal)
    const reason = new TidingsError('TIDINGS_DEADLINE', 'Too late.')
    stop.abort(reason)
    expect(await pending).toEqual([
      { status: 'unknown', error: reason },
      { status: 'unknown', error: reason },
    ])
    expect(await process.transport.publish([once], stop.signal)).toEqual([{ status: 'unknown', error: reason }])
  })

  // Consumers of every speed, with and without topics, that seek at random, over a tiny window: none may miss or repeat anything.
  it.each(Array.from({ length: 30 }, (_, at) => at + 100))(
    'has neither gap nor duplicate between catch-up and tail (seed %i)',
    async (seed) => {
      const random = mulberry32(seed)
      const pick = (below: number): number => Math.floor(random() * below)
      const world = logWorld(seed)
      const process = world.process({ window: 1 + pick(40), page: 1 + pick(20) })
      await world.append(pick(300))
      const topics = [undefined, ['order'], ['invoice'], ['order', 'payment'], undefined]
      const listeners = await Promise.all(
        topics.map(async (wanted, at) => {
          const books = new Books()
          for (let partition = 0; partition < 8; partition++) books.place[partition] = at === 4 ? pick(200) : 0
          const from = [...books.place]
          const listener = new Listener(books)
          listener.greedy = false
          await listener.join(
            process.transport,
            { group: `g${at}`, ...(wanted !== undefined && { topics: wanted }) },
            pick(50),
          )
          return { listener, wanted, from }
        }),
      )
      for (let step = 0; step < 150; step++) {
        const { listener, from } = listeners[pick(5)] as (typeof listeners)[number]
        const what = pick(10)
        if (what < 3) await world.append(pick(30), ['order', 'invoice', 'payment'][pick(3)])
        else if (what < 8) listener.request(pick(60))
        else if (what === 8) await world.runtime.advance(pick(3))
        else if (listener.owned.size === 8) {
          const partition = pick(8)
          const offset = pick(200)
          listener.books.handled[partition] = []
          from[partition] = offset
          listener.seek(partition, offset)
        }
        if (pick(3) === 0) await Promise.resolve()
      }
      for (const { listener } of listeners) listener.request(100_000)
      await world.runtime.advance(1_000)
      for (const { listener, wanted, from } of listeners) {
        expect(listener.problems).toEqual([])
        const expected = (await logged(world.store, wanted)).map((offsets, partition) =>
          offsets.filter((offset) => offset > (from[partition] as number)),
        )
        expect(listener.books.handled).toEqual(expected)
      }
      await process.transport.close()
    },
  )
})
