import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import {
  defineEvent,
  type ErrorCode,
  type Event,
  type HandlerContext,
  operationsOf,
  type ParkedEntry,
  RetryAfter,
  sql,
} from 'tidings'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'

import { countOf, open, secret, type World } from './world.ts'

const Placed = defineEvent('order.placed')
const Checked = defineEvent('order.checked', { schema: z.object({ id: z.string() }) })

type Handler = (event: Event<{ readonly id: string }>, context: HandlerContext) => unknown

/** A bus with a table, and a handler for which `bad` is called for the key `bad`; neighbours are counted. */
async function world(
  bad: Handler,
  options: Parameters<typeof open>[0] = {},
  subscribe: object = {},
): Promise<World & { handled(): string[]; parked(): Promise<readonly ParkedEntry[]> }> {
  const made = await open(options)
  await made.bus.transaction(({ tx }) => tx.sql`create table handled (key text)`)
  made.bus.subscribe(
    Placed,
    { name: 'all', retry: { tries: 2, backoff: [10] }, ...subscribe },
    async (event, context) => {
      context.write(sql`insert into handled values (${event.key})`)
      if (event.key === 'bad') await bad(event as never, context)
    },
  )
  await made.bus.start()
  return {
    ...made,
    handled() {
      const database = new DatabaseSync(made.file, { readOnly: true })
      const rows = database.prepare('select key from handled order by rowid').all()
      database.close()
      return rows.map((row) => String(row.key))
    },
    parked: async () => (await operationsOf(made.bus).parked.list()).items,
  }
}

async function publishAround(made: World): Promise<void> {
  for (const id of ['before', 'bad', 'after']) await made.bus.publish(Placed, { id, secret })
}

const forbidden: readonly (readonly [text: string, rule: RegExp])[] = [
  ['commit', /must not begin with/],
  ['rollback', /must not begin with/],
  ['end', /must not begin with/],
  ['begin immediate', /must not begin with/],
  ['savepoint mine', /must not begin with/],
  ['release tidings_unit', /must not begin with/],
  ["attach database '/tmp/other.db' as other", /must not begin with/],
  ['detach database main', /must not begin with/],
  ['vacuum', /must not begin with/],
  ["vacuum into '/tmp/copy.db'", /must not begin with/],
  ['pragma journal_mode = delete', /must not begin with/],
  ['pragma synchronous = off', /must not begin with/],
  ['pragma writable_schema = on', /must not begin with/],
  ['select * from tidings_documents', /tidings/i],
  ['select data from tidings_events', /tidings/i],
  ['delete from tidings_events', /tidings/i],
  ["update tidings_documents set body = '{}'", /tidings/i],
  ["insert into tidings_meta values ('x', 1)", /tidings/i],
  ["insert or replace into TIDINGS_META values ('partitions', 1)", /tidings/i],
  ['drop table tidings_events', /tidings/i],
  ['alter table tidings_events rename to mine', /tidings/i],
  ['create table tidings_mine (a)', /tidings/i],
  ['create index mine on tidings_events (type)', /tidings/i],
  ["insert into handled values ('two'); commit", /one statement/],
  ['insert into handled values (?)', /apart from the text/],
  ['insert into nowhere values (1)', /failed/],
  ['not even sql', /failed/],
  ['', /empty/],
  ['-- nothing', /empty/],
]

/** SQL as data, without values. */
const statement = (text: string): ReturnType<typeof sql> => ({ text: [text], values: [] })

describe('SQL that a handler must not run', () => {
  it.each(['write', 'tx'] as const)(
    'is refused by `%s`, statement by statement; nothing of the handler stands, neighbours are handled',
    async (way) => {
      const made = await world((event, { write, tx }) => {
        const text = (event.data as unknown as { text: string }).text
        if (way === 'write') return write(statement(text))
        return tx.sql`${statement(text)}`
      })
      const before = schemaOf(made.file)
      for (const [at, [text]] of forbidden.entries()) {
        await made.bus.publish(Placed, { id: 'bad', text }, { tenantId: `t-${at}` })
        await made.bus.publish(Placed, { id: `fine-${at}` })
      }
      await expect.poll(async () => (await made.parked()).length, { timeout: 20_000 }).toBe(forbidden.length)
      await expect.poll(() => made.handled().length).toBe(forbidden.length)
      expect(made.handled().every((key) => key.startsWith('fine-'))).toBe(true)
      const parked = await made.parked()
      for (const [at, [text, rule]] of forbidden.entries()) {
        const entry = parked.find(({ tenant }) => tenant === `t-${at}`)
        expect(entry, text).toMatchObject({ state: 'dead', attempts: 2, error: { code: 'TIDINGS_UNIT_REFUSED' } })
        expect(entry?.error?.message, text).toMatch(rule)
      }
      expect(schemaOf(made.file)).toEqual(before)
      expect(await made.bus.publish(Placed, { id: 'last' })).toMatchObject({ durability: 'store' })
    },
  )

  it('does nothing by a trigger or a view either: whatever fires or asks them is refused', async () => {
    const made = await world((_, { write, tx }) => {
      if (attempts++ === 0) write(statement('insert into bait values (1)'))
      else return tx.sql`select * from peep`
      return undefined
    })
    let attempts = 0
    await made.bus.transaction(async ({ tx }) => {
      await tx.sql`create table bait (a)`
      await tx.sql`create trigger biting after insert on bait begin delete from tidings_events; end`
      await tx.sql`create view peep as select * from tidings_documents`
    })
    await publishAround(made)
    await expect
      .poll(() => made.parked(), { timeout: 5_000 })
      .toMatchObject([{ state: 'dead', attempts: 2, error: { code: 'TIDINGS_UNIT_REFUSED' } }])
    await expect.poll(() => made.handled().toSorted()).toEqual(['after', 'before'])
    expect(attempts).toBe(2)
    expect(await countOf(made.bus)).toBe(3)
  })

  it('may still read the log by its view, and write tables of its own, even with hostile values', async () => {
    const hostile = `'; drop table tidings_events; --\0"😀`
    const seen: unknown[] = []
    const made = await world(async (_, { tx }) => {
      seen.push(...(await tx.sql`select type, key from tidings_log where key = ${'bad'}`))
      await tx.sql`insert into handled values (${hostile})`
    })
    await publishAround(made)
    await expect.poll(() => made.handled().toSorted()).toEqual([hostile, 'after', 'bad', 'before'].toSorted())
    expect(seen).toEqual([{ type: 'order.placed', key: 'bad' }])
  })
})

describe('a handler that holds its transaction too long', () => {
  it('is rolled back and told which option it broke; who waits for the file goes on', async () => {
    let held = 0
    const made = await world(
      async (_, { tx }) => {
        await tx.sql`insert into handled values ('half')`
        held++
        await pause(600)
        await tx.sql`insert into handled values ('other half')`
      },
      { txHold: '150ms' },
    )
    await publishAround(made)
    await expect.poll(() => held, { timeout: 5_000 }).toBe(1)
    const began = performance.now()
    await made.bus.publish(Placed, { id: 'meanwhile' })
    expect(performance.now() - began).toBeLessThan(500)
    await expect
      .poll(() => made.parked(), { timeout: 10_000 })
      .toMatchObject([{ state: 'dead', attempts: 2, error: { code: 'TIDINGS_TX_HOLD' } }])
    expect((await made.parked())[0]?.error?.message).toContain('txHold')
    expect(made.handled().toSorted()).toEqual(['after', 'before', 'meanwhile'])
  })

  it('also when it asks for nothing more and returns', async () => {
    const made = await world(
      async (_, { tx }) => {
        await tx.sql`insert into handled values ('half')`
        await pause(400)
      },
      { txHold: '150ms' },
    )
    await publishAround(made)
    await expect
      .poll(() => made.parked(), { timeout: 10_000 })
      .toMatchObject([{ state: 'dead', error: { code: 'TIDINGS_TX_HOLD' } }])
    expect(made.handled().toSorted()).toEqual(['after', 'before'])
  })
})

const circle: { self?: unknown } = {}
circle.self = circle

/** Throws just that. */
function throwing(thrown: unknown): () => never {
  return () => {
    throw thrown
  }
}

describe('a handler that does what it should not', () => {
  it.each<[string, Handler, ErrorCode | undefined]>([
    ['throws undefined', throwing(undefined), undefined],
    ['throws null', throwing(null), undefined],
    ['throws a text', throwing('no'), undefined],
    ['throws an object that has no text', throwing(Object.create(null)), undefined],
    ['throws a symbol', throwing(Symbol('s')), undefined],
    ['asks for another time that is none', () => Promise.reject(new RetryAfter(Number.NaN)), undefined],
    ['asks for another time before the last', () => Promise.reject(new RetryAfter(-1)), undefined],
    ['throws a circle', throwing(circle), undefined],
    [
      'throws what throws when looked at',
      throwing(new Proxy({}, { get: () => throwing(new Error('no look'))() })),
      undefined,
    ],
    [
      'throws an error whose message is no text',
      () => Promise.reject(Object.assign(new Error('x'), { message: { secret }, stack: 5 })),
      undefined,
    ],
    ['throws a message of 10 MB', () => Promise.reject(new Error('long '.repeat(2_000_000))), undefined],
    ['changes the event', (event) => void ((event as { data: unknown }).data = {}), undefined],
    ['changes the data', (event) => void ((event.data as { id: string }).id = 'x'), undefined],
    ['publishes bad data', (_, { publish }) => publish(Checked, { id: 5, secret } as never), 'TIDINGS_INVALID_DATA'],
    [
      'publishes bad data and does not wait',
      (_, { publish }) => void publish(Checked, { id: 5, secret } as never),
      'TIDINGS_INVALID_DATA',
    ],
    ['publishes no definition', (_, { publish }) => publish(undefined as never, {} as never), undefined],
    ['writes no statement', (_, { write }) => write('delete from handled' as never), 'TIDINGS_UNIT_REFUSED'],
    ['writes undefined', (_, { write }) => write(undefined as never), 'TIDINGS_UNIT_REFUSED'],
    ['never returns', () => new Promise(() => {}), 'TIDINGS_HANDLER_TIMEOUT'],
    ['records an effect that is no JSON', (_, { effect }) => effect('mail', () => () => {}), 'TIDINGS_INVALID_DATA'],
  ])('%s: parked or done, and its neighbours are handled', async (_, bad, code) => {
    const made = await world(bad, {}, { timeout: '200ms', abandonAfter: '100ms' })
    await publishAround(made)
    await expect.poll(() => made.parked(), { timeout: 10_000 }).toMatchObject([{ state: 'dead' }])
    await expect.poll(() => made.handled().toSorted()).toEqual(['after', 'before'])
    const [entry] = await made.parked()
    if (code !== undefined) expect(entry?.error?.code).toBe(code)
    expect(entry?.error?.message.length).toBeLessThanOrEqual(4_000)
    expect(JSON.stringify(entry)).not.toContain(secret)
  })

  it('uses its context after it has returned: nothing is written', async () => {
    const late = Promise.withResolvers<unknown>()
    const made = await world((_, { write }) => {
      setTimeout(() => {
        try {
          write(sql`insert into handled values ('late')`)
          late.resolve('written')
        } catch (error) {
          late.resolve(error)
        }
      }, 50)
    })
    await publishAround(made)
    expect(await late.promise).toMatchObject({ code: 'TIDINGS_WITHDRAWN' })
    await made.bus.publish(Placed, { id: 'last' })
    await expect.poll(() => made.handled().toSorted()).toEqual(['after', 'bad', 'before', 'last'])
  })

  it('has a filter that throws: that counts as a failing handler', async () => {
    const made = await world(
      () => {},
      {},
      {
        filter: (event: Event<never>) => {
          if (event.key === 'bad') throw new TypeError('no filter')
          return true
        },
      },
    )
    await publishAround(made)
    await expect
      .poll(() => made.parked(), { timeout: 10_000 })
      .toMatchObject([{ state: 'dead', attempts: 2, error: { name: 'TypeError' } }])
    await expect.poll(() => made.handled().toSorted()).toEqual(['after', 'before'])
  })
})

/** What the file is made of, as SQLite tells it. */
function schemaOf(path: string): unknown[] {
  const database = new DatabaseSync(path, { readOnly: true })
  const rows = database.prepare('select type, name, sql from sqlite_master order by name').all()
  database.close()
  return rows.map((row) => ({ ...row }))
}
