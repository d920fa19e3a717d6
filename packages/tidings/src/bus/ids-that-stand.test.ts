import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import { sql } from '../store/sql.ts'
import type { SqlStore } from '../store/sql-store.ts'
import type { CommitResult, Statement, Store, Unit } from '../store/store.ts'
import { createTestBus } from '../testing/create-test-bus.ts'

const Placed = defineEvent<{ readonly id: string }>('order.placed')
const Reminded = defineEvent<{ readonly id: string }>('order.reminded')

interface Rows {
  readonly store: Store & SqlStore
  /** What statements have left behind for good. */
  readonly rows: unknown[]
}

/** A store in memory that remembers the values of statements, those of a transaction once it has committed. */
function withRows(durability: 'memory' | 'store'): Rows {
  const inner = memoryStore()
  const rows: unknown[] = []
  const valuesOf = ({ values }: Statement): unknown => values[0]
  const commit = async ({ statements = [], ...unit }: Unit, before: readonly Statement[]): Promise<CommitResult> => {
    const [result] = await inner.commit([unit])
    if (result?.status === 'committed' && !result.repeated) rows.push(...[...before, ...statements].map(valuesOf))
    return result as CommitResult
  }
  const store: Store & SqlStore = {
    ...inner,
    capabilities: { ...inner.capabilities, durability, sql: 'sqlite' },
    async commit(units) {
      const results: CommitResult[] = []
      for (const unit of units) results.push(await commit(unit, []))
      return results
    },
    query: async () => [],
    async begin() {
      const ran: Statement[] = []
      return {
        query: async (statement) => {
          ran.push(statement)
          return []
        },
        commit: (unit) => commit(unit, ran),
        rollback: async () => {},
      }
    },
  }
  return { store, rows }
}

describe('a handler that publishes under an id which stands already', () => {
  it.each([
    ['queued', 'store', 'tx'],
    ['queued', 'store', 'write'],
    ['queued', 'memory', 'tx'],
    ['inline', 'store', 'tx'],
    ['inline', 'store', 'write'],
    ['inline', 'memory', 'tx'],
    ['inline', 'memory', 'write'],
  ] as const)('does the rest of its work all the same, once: %s, %s, %s', async (mode, durability, way) => {
    const { store, rows } = withRows(durability)
    await using world = await createTestBus({ store })
    const { bus, clock, published } = world
    const attempts: number[] = []
    bus.subscribe(Placed, { name: 'reminder', mode, retry: { tries: 1 } }, async ({ data: { id } }, context) => {
      attempts.push(context.attempt)
      if (way === 'tx') await context.tx.sql`insert into reminders values (${`tx ${id}`})`
      context.write(sql`insert into reminders values (${`write ${id}`})`)
      await context.publish(Reminded, { id: 'o' }, { id: 'reminder-o' })
    })
    const failures: unknown[] = []
    for (const id of ['o-1', 'o-2', 'o-3']) {
      failures.push((await bus.publish(Placed, { id })).failures)
      await clock.advance('1s')
      await bus.settled()
    }
    expect(failures).toEqual([undefined, undefined, undefined])
    expect(rows).toEqual(
      ['o-1', 'o-2', 'o-3'].flatMap((id) => (way === 'tx' ? [`tx ${id}`, `write ${id}`] : [`write ${id}`])),
    )
    expect(published(Reminded)).toHaveLength(1)
    expect(world.parked()).toEqual([])
    expect(attempts.every((attempt) => attempt === 1)).toBe(true)
    await clock.advance('1h')
    await bus.settled()
    expect(rows).toHaveLength(way === 'tx' ? 6 : 3)
    expect(await store.find('marks')).toEqual([])
  })

  it('publishes what stands not: only what is known to stand is left out of its next run', async () => {
    const { store, rows } = withRows('store')
    await using world = await createTestBus({ store })
    const { bus, clock, published } = world
    await bus.publish(Reminded, { id: 'o' }, { id: 'reminder-o' })
    let runs = 0
    bus.subscribe(Placed, { name: 'reminder', retry: { tries: 1 } }, async (_event, { tx, publish }) => {
      await tx.sql`insert into reminders values (${'row'})`
      await publish(Reminded, { id: 'o' }, { id: 'reminder-o' })
      if (runs++ > 0) await publish(Reminded, { id: 'p' }, { id: 'reminder-p' })
    })
    await bus.publish(Placed, { id: 'o' })
    await clock.advance('1m')
    await bus.settled()
    expect({ runs, rows, ids: published(Reminded).map(({ id }) => id) }).toEqual({
      runs: 2,
      rows: ['row'],
      ids: ['reminder-o', 'reminder-p'],
    })
  })
})

describe('a transaction all of whose events stand already', () => {
  it('is the repetition of one that was carried out: it resolves, and nothing of it is written again', async () => {
    const { store, rows } = withRows('store')
    await using world = await createTestBus({ store })
    const { bus, clock, published } = world
    let heard = 0
    bus.subscribe(Reminded, { name: 'inline', mode: 'inline' }, () => void heard++)
    await bus.start()
    const remind = (): Promise<string> =>
      bus.transaction(async ({ tx, publish }) => {
        await tx.sql`insert into reminders values (${'row'})`
        await publish(Reminded, { id: 'o' }, { id: 'reminder-o' })
        return 'done'
      })
    expect([await remind(), await remind()]).toEqual(['done', 'done'])
    await clock.advance('1m')
    await bus.settled()
    expect({ rows, heard, published: published(Reminded).length }).toEqual({ rows: ['row'], heard: 1, published: 1 })
  })
})
