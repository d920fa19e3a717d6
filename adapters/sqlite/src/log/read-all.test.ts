import { DatabaseSync } from 'node:sqlite'

import type { LogQuery } from 'tidings/spi'
import { afterEach, describe, expect, it } from 'vitest'

import { append, cleanUp, file, open, record, records } from '../../tests/sqlite-world.ts'
import type { SqliteStore } from '../sqlite-store.ts'

afterEach(cleanUp)

/** All pages, with how far each came. */
async function follow(
  store: SqliteStore,
  query: Omit<LogQuery, 'after'>,
): Promise<{ found: number[]; through: number[] }> {
  const found: number[] = []
  const through: number[] = []
  for (let after = 0; ; ) {
    const page = await store.readAll({ ...query, after })
    found.push(...page.events.map((event) => event.position))
    if (page.through === after) return { found, through }
    after = page.through
    through.push(after)
  }
}

describe('readAll with filters', () => {
  it('looks at a bounded share of the log at a time, says so by through, and misses nothing', {
    timeout: 30_000,
  }, async () => {
    const store = await open(':memory:')
    const rare = (at: number): boolean => at === 7 || at === 19_999 || at === 20_000 || at === 21_999
    await append(
      store,
      ...records(22_000, (at) => ({ key: `k-${at % 10}`, type: rare(at) ? 'rare' : 'common', fresh: true })),
    )
    const { found, through } = await follow(store, { types: ['rare'], limit: 10 })
    expect(found).toEqual([8, 20_000, 20_001, 22_000])
    expect(through).toEqual([20_000, 22_000])
    // Only what stands after a gap counts, however wide the gap is.
    while ((await store.prune({ through: 21_990, limit: 10_000 })).more);
    expect(await follow(store, { types: ['rare'], limit: 10 })).toEqual({ found: [22_000], through: [22_000] })
    expect(await follow(store, { types: ['rare'], limit: 10, upTo: 21_000 })).toEqual({ found: [], through: [21_000] })
  })

  it('finds by id, correlation and causation without looking at the rest', async () => {
    const path = file()
    const store = await open(path)
    await append(
      store,
      record({ id: 'root' }),
      record({ correlation: 'root', causation: 'root' }),
      record({ correlation: 'else' }),
    )
    expect((await follow(store, { correlation: 'root', limit: 10 })).found).toEqual([1, 2])
    expect((await follow(store, { causation: 'root', limit: 10 })).found).toEqual([2])
    expect((await follow(store, { id: 'root', limit: 10 })).found).toEqual([1])
    const db = new DatabaseSync(path)
    const plan = (where: string): string =>
      db
        .prepare(
          `explain query plan select e.data from tidings_events e where ${where} and e.position > 0 and e.position <= 9 order by e.position limit 9`,
        )
        .all()
        .map((row) => String(row['detail']))
        .join('; ')
    expect(plan('e.id = ?')).toContain('tidings_events_id')
    expect(plan('(e.correlation = ? or (e.correlation is null and e.id = ?))')).toMatch(/events_correlation.*events_id/)
    expect(plan("(e.causation = ? and e.causation <> '')")).toContain('tidings_events_causation')
    expect(plan('e.type in (?)')).toMatch(/INTEGER PRIMARY KEY/)
    expect(plan('exists (select 1 from tidings_streams s where s.id = e.stream and s.category in (?))')).toMatch(
      /^SEARCH e USING INTEGER PRIMARY KEY/,
    )
    db.close()
  })

  it('takes Infinity for a limit and refuses what is no limit, in all ways of reading', async () => {
    const store = await open(':memory:')
    await append(store, ...records(3))
    const stream = { tenant: '', category: 'order', key: 'o-1' }
    const limit = Number.POSITIVE_INFINITY
    expect((await store.readAll({ after: 0, limit })).events).toHaveLength(3)
    expect(await store.readStream(stream, { limit })).toHaveLength(3)
    expect(await store.find('c', { limit })).toEqual([])
    for (const wrong of [Number.NaN, 0.5]) {
      for (const call of [
        () => store.readAll({ after: 0, limit: wrong }),
        () => store.readStream(stream, { limit: wrong }),
        () => store.find('c', { limit: wrong }),
        () => store.prune({ through: 3, limit: wrong }),
        () => store.begin({ hold: wrong - 1 }),
      ]) {
        await expect(call()).rejects.toMatchObject({ code: 'TIDINGS_INVALID_OPTION' })
      }
    }
    expect(await store.prune({ through: limit, limit })).toEqual({ removed: 3, more: false })
  })
})
