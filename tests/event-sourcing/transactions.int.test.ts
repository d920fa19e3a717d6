import { randomBytes } from 'node:crypto'
import { type Decision, decide, defineAggregate, defineEvent, type EventBus, isEvent, load, sql } from 'tidings'
import { afterEach, describe, expect, it } from 'vitest'

import { without } from '../../tools/servers/index.ts'
import { kindsOfStore, type Place } from './stores.ts'

const Opened = defineEvent<{ readonly account: string }>('account.opened', { key: ({ account }) => account })
const Paid = defineEvent<{ readonly account: string; readonly amount: number }>('account.paid', {
  key: ({ account }) => account,
})
const Noted = defineEvent<{ readonly account: string }>('note.taken', { key: ({ account }) => account })
const account = defineAggregate('account', {
  initial: 0,
  on: [Opened, Paid],
  evolve: (balance: number, event) => (isEvent(event, Paid) ? balance + event.data.amount : balance),
  snapshot: { every: 3 },
})
const pay = (key: string, amount: number) => () => Paid.create({ account: key, amount })

/** Tables of users stand beside those of other tests. */
const table = sql.identifier(`lines_${randomBytes(4).toString('hex')}`)
const lines = async (bus: EventBus): Promise<readonly unknown[]> =>
  (await bus.transaction(({ tx }) => tx.sql`select line from ${table} order by line`)).map(({ line }) => line)

describe.each(kindsOfStore.filter(({ name }) => name === 'SQLite' || name === 'PostgreSQL'))(
  'decisions inside a transaction over $name',
  ({ name, needs, make }) => {
    describe('commit with its statements', without(...needs), () => {
      let place: Place | undefined
      afterEach(async () => {
        const bus = await place?.open()
        await bus?.transaction(({ tx }) => tx.sql`drop table ${table}`)
        await place?.end()
      })

      async function opened(): Promise<EventBus> {
        place = await make()
        const bus = await place.open({ events: [Opened, Paid, Noted] })
        await bus.transaction(({ tx }) => tx.sql`create table ${table} (line text primary key)`)
        return bus
      }

      it('and events, from the first of their kind on, or not at all', async () => {
        const bus = await opened()
        const transact = (fail: boolean) =>
          bus.transaction(async (within) => {
            await within.tx.sql`insert into ${table} values ('paid')`
            const first = await decide(bus, account, 'a', pay('a', 5), { within })
            const second = await decide(bus, account, 'a', (balance) => pay('a', -balance)(), { within })
            await decide(bus, account, 'b', pay('b', 5), { within })
            await within.publish(Noted, { account: 'a' })
            if (fail) throw new RangeError('no')
            return [first.state, second.state, second.version]
          })
        await expect(transact(true)).rejects.toThrow(RangeError)
        expect([await lines(bus), await load(bus, account, 'a')]).toEqual([[], { state: 0, version: 0 }])
        expect(await transact(false)).toEqual([5, 0, 2])
        expect(await lines(bus)).toEqual(['paid'])
        expect([await load(bus, account, 'a'), await load(bus, account, 'b')]).toEqual([
          { state: 0, version: 2 },
          { state: 5, version: 1 },
        ])
        const written: string[] = []
        for await (const { type, key } of bus.store.query({})) written.push(`${type} ${key}`)
        expect(written).toEqual(['account.paid a', 'account.paid a', 'account.paid b', 'note.taken a'])
      })

      it('one after another, also where many run at once', async () => {
        const bus = await opened()
        const outcomes = await Promise.allSettled(
          Array.from({ length: 12 }, (_, at) =>
            bus.transaction(async (within) => {
              await within.tx.sql`insert into ${table} values (${String(at)})`
              await decide(bus, account, `a-${at % 6}`, pay(`a-${at % 6}`, 1), { within })
              await decide(bus, account, `a-${at % 6}`, pay(`a-${at % 6}`, 1), { within })
            }),
          ),
        )
        const done = outcomes.filter(({ status }) => status === 'fulfilled').length
        for (const outcome of outcomes)
          if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'TIDINGS_CONFLICT' })
        expect(done).toBeGreaterThanOrEqual(6)
        expect(await lines(bus)).toHaveLength(done)
        const states = await Promise.all(Array.from({ length: 6 }, (_, at) => load(bus, account, `a-${at}`)))
        expect(states.reduce((sum, { state }) => sum + state, 0)).toBe(2 * done)
        expect(states.every(({ state, version }) => state === version)).toBe(true)
      })

      it(
        name === 'SQLite' ? 'before those who write meanwhile' : 'only where nobody has written meanwhile',
        async () => {
          const bus = await opened()
          const other = await (place as Place).open()
          await decide(bus, account, 'a', pay('a', 1))
          let writing: Promise<unknown> | undefined
          const transacting = bus.transaction(async (within) => {
            await within.tx.sql`insert into ${table} values ('paid')`
            await decide(bus, account, 'a', pay('a', 10), { within })
            writing = decide(other, account, 'a', pay('a', 100))
            // On SQLite, which has one writer, it waits for this transaction.
            if (name !== 'SQLite') await writing
          })
          if (name === 'SQLite') await transacting
          else {
            await expect(transacting).rejects.toMatchObject({
              code: 'TIDINGS_CONFLICT',
              details: { category: 'account', expected: 1, actual: 2 },
            })
          }
          await writing
          expect([await lines(bus), (await load(bus, account, 'a')).state]).toEqual(
            name === 'SQLite' ? [['paid'], 111] : [[], 101],
          )
        },
      )

      it('once for each command, whoever else carries it out meanwhile', async () => {
        const bus = await opened()
        const other = await (place as Place).open()
        await decide(bus, account, 'a', pay('a', 1))
        const command = { commandId: 'payment-7' }
        let elsewhere: Promise<Decision<number>> | undefined
        const transacting = bus.transaction(async (within) => {
          await within.tx.sql`insert into ${table} values ('paid')`
          await decide(bus, account, 'a', pay('a', 10), { within, ...command })
          elsewhere = decide(other, account, 'a', pay('a', 10), command)
          if (name !== 'SQLite') await elsewhere
        })
        if (name === 'SQLite') await transacting
        else await expect(transacting).rejects.toMatchObject({ code: 'TIDINGS_CONFLICT' })
        expect((await elsewhere)?.repeated).toBe(name === 'SQLite' ? true : undefined)
        expect([await lines(bus), await load(bus, account, 'a')]).toEqual([
          name === 'SQLite' ? ['paid'] : [],
          { state: 11, version: 2 },
        ])
      })

      it('of a handler that talks to the database before it decides for the first time', async () => {
        const bus = await opened()
        const handled = Promise.withResolvers<void>()
        bus.subscribe(Noted, { name: 'paying', retry: { tries: 1 } }, async ({ data }, within) => {
          await within.tx.sql`insert into ${table} values ('handled')`
          await decide(bus, account, data.account, pay(data.account, 7), { within }).then(
            () => handled.resolve(),
            handled.reject,
          )
        })
        const paid = Promise.withResolvers<void>()
        bus.subscribe(Paid, { name: 'watching' }, () => paid.resolve())
        await bus.start()
        await bus.publish(Noted, { account: 'a' })
        await handled.promise
        await paid.promise
        expect([await lines(bus), await load(bus, account, 'a')]).toEqual([['handled'], { state: 7, version: 1 }])
      })

      it('of every handler that publishes what another one has published already, and once', async () => {
        const bus = await opened()
        const runs: string[] = []
        bus.subscribe(Noted, { name: 'reminding', retry: { tries: 1 } }, async ({ data: { account: of } }, context) => {
          runs.push(of)
          await context.tx.sql`insert into ${table} values (${`${of} ran`})`
          context.write(sql`insert into ${table} values (${`${of} written`})`)
          await context.publish(Opened, { account: 'same' }, { id: 'same' })
        })
        await bus.start()
        for (const of of ['a', 'b']) await bus.publish(Noted, { account: of })
        await expect
          .poll(() => lines(bus), { timeout: 10_000, interval: 20 })
          .toEqual(['a ran', 'a written', 'b ran', 'b written'])
        // The first to commit has published it; the other one learns of it by its commit, and does its work anew.
        expect(runs).toHaveLength(3)
        expect(await load(bus, account, 'same')).toMatchObject({ version: 1 })
      })

      it('of a transaction that is repeated under the same ids, once', async () => {
        const bus = await opened()
        const transact = (line: string): Promise<string> =>
          bus.transaction(async ({ tx, publish }) => {
            await tx.sql`insert into ${table} values (${line})`
            await publish(Opened, { account: 'a' }, { id: 'opened-a' })
            return line
          })
        expect([await transact('first'), await transact('again')]).toEqual(['first', 'again'])
        expect([await lines(bus), await load(bus, account, 'a')]).toEqual([['first'], { state: 0, version: 1 }])
      })
    })
  },
)
