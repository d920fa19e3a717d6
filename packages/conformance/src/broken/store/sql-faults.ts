import {
  isSqlStore,
  type SqlStore,
  type SqlTransaction,
  type SqlValue,
  type Statement,
  type Store,
  type StoredEvent,
} from 'tidings/spi'

import type { StoreBackend } from '../../store/store-world.ts'
import type { BrokenStore } from '../broken-backend.ts'

/** SQL stores that break their word, made from one that keeps it. */
export function brokenSqlStores(good: StoreBackend): readonly BrokenStore[] {
  const broken = (
    name: string,
    breaks: readonly string[],
    bend: (store: SqlStore) => Partial<SqlStore>,
  ): BrokenStore => ({
    backend: { ...good, name, create: async (place) => bent(await good.create(place), bend) },
    breaks,
  })
  const inTransaction = (bend: (tx: SqlTransaction, store: SqlStore) => Partial<SqlTransaction>) => {
    return (store: SqlStore): Partial<SqlStore> => ({
      async begin(options) {
        const tx = forward(await store.begin(options))
        return { ...tx, ...bend(tx, store) }
      },
    })
  }
  return [
    broken('pastes values into the text', ['sql-values'], (store) => ({
      commit: (units) =>
        store.commit(
          units.map((unit) => (unit.statements ? { ...unit, statements: unit.statements.map(pasted) } : unit)),
        ),
    })),
    broken('gives whole numbers back rounded', ['sql-values'], (store) => ({
      query: async (statement) =>
        (await store.query(statement)).map((row) =>
          Object.fromEntries(
            Object.entries(row).map(([name, value]) => [name, typeof value === 'bigint' ? Number(value) : value]),
          ),
        ),
    })),
    broken('runs statements apart from their unit', ['sql-unit'], (store) => ({
      async commit(units) {
        for (const { statements } of units) if (statements) await store.commit([{ statements }])
        return store.commit(units.map(({ statements: _, ...unit }) => unit))
      },
    })),
    broken('rejects the whole call where a statement fails', ['sql-unit'], (store) => ({
      async commit(units) {
        const results = await store.commit(units)
        const failed = results.findIndex(
          (result, at) => result.status === 'refused' && units[at]?.statements !== undefined,
        )
        if (failed !== -1) throw new Error('syntax error')
        return results
      },
    })),
    broken('holds transactions for ever', ['sql-hold'], (store) => ({
      begin: (options) => store.begin({ ...options, hold: 600_000 }),
    })),
    broken('does not listen to the signal', ['sql-transaction'], (store) => ({
      begin: ({ hold }) => store.begin({ hold }),
    })),
    broken(
      'commits where it should roll back',
      ['sql-transaction'],
      inTransaction((tx) => ({
        rollback: () =>
          tx.commit({}).then(
            () => {},
            () => {},
          ),
      })),
    ),
    broken(
      'commits what a repetition did beside its events',
      ['sql-transaction'],
      inTransaction((tx, store) => ({
        async commit(unit) {
          const { append = [] } = unit
          const stands = await Promise.all(
            append.map(async ({ id }) => (await store.readAll({ after: 0, limit: 1, id })).events[0]),
          )
          if (append.length === 0 || stands.includes(undefined)) return tx.commit(unit)
          await tx.commit({})
          return { status: 'committed', events: stands as readonly StoredEvent[], repeated: true }
        },
      })),
    ),
    broken(
      'reads beside its transaction',
      ['sql-hold', 'sql-transaction'],
      inTransaction((tx, store) => ({
        query: (statement) =>
          statement.text[0]?.startsWith('select') === true ? store.query(statement) : tx.query(statement),
      })),
    ),
    broken(
      'leaves the unit out of its transaction',
      ['sql-transaction'],
      inTransaction((tx) => ({
        commit: ({ append: _, ...unit }) => tx.commit(unit),
      })),
    ),
  ]
}

function bent(store: Store, bend: (store: SqlStore) => Partial<SqlStore>): SqlStore {
  if (!isSqlStore(store)) throw new Error('These fixtures are made from an SQL store.')
  const whole: SqlStore = {
    capabilities: store.capabilities,
    commit: (units) => store.commit(units),
    readStream: (stream, query) => store.readStream(stream, query),
    readAll: (query) => store.readAll(query),
    find: (collection, query) => store.find(collection, query),
    watch: (wake) => store.watch(wake),
    prune: (query) => store.prune(query),
    close: () => store.close(),
    begin: (options) => store.begin(options),
    query: (statement) => store.query(statement),
  }
  return { ...whole, ...bend(whole) }
}

function forward(tx: SqlTransaction): SqlTransaction {
  return {
    query: (statement) => tx.query(statement),
    commit: (unit) => tx.commit(unit),
    rollback: () => tx.rollback(),
  }
}

function pasted({ text, values }: Statement): Statement {
  const paste = (value: SqlValue): string => (typeof value === 'string' ? `'${value}'` : String(value))
  return { text: [text.reduce((all, part, at) => all + paste(values[at - 1] ?? null) + part)], values: [] }
}
