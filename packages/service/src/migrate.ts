import { setTimeout as sleep } from 'node:timers/promises'

import { isTidingsError, type Log, type SqlStore, sql } from 'tidings'

import type { Migration, Service } from './service.ts'

/** How long one step may take, and how long another process is waited for that takes it, in milliseconds. */
const mostPatience = 600_000
/** How often it is looked again whether the other one has finished, in milliseconds. */
const looksEvery = 250

export interface MigrateOptions {
  readonly service: Pick<Service, 'name' | 'migrations'>
  /** Wall clock, milliseconds since 1970. */
  readonly now: () => number
  /** Told where another process is waited for. */
  readonly log: Log
}

type Transaction = Awaited<ReturnType<SqlStore['begin']>>

/**
 * Brings the tables of a service up to date, each step in a transaction of its own, of ten minutes at most. Safe to call from several processes at
 * once: one of them takes a step, the others wait for it, ten minutes as well. Each statement of a step may take as long as the store lets a call
 * take.
 */
export async function migrate(store: SqlStore, options: MigrateOptions): Promise<void> {
  const { name, migrations } = options.service
  await waiting(store, options, () => makeTable(store))
  const done = await store.query(sql`select id from service_migrations where service = ${name}`)
  for (const migration of migrations) {
    if (done.some(({ id }) => id === migration.id)) continue
    const claimed = await waiting(store, options, () => claim(store, name, migration, options.now()))
    if (claimed !== undefined) await inside(claimed, () => take(claimed, migration))
  }
}

/**
 * On PostgreSQL `if not exists` is no match for itself: of several who begin at the same time, all but the first are refused, once the first has
 * committed. So the table is there when they ask again.
 */
async function makeTable(store: SqlStore, again = true): Promise<void> {
  const transaction = await store.begin({ hold: mostPatience })
  try {
    await inside(transaction, async () => {
      await transaction.query(
        sql`create table if not exists service_migrations (service text not null, id text not null, applied_at bigint not null, primary key (service, id))`,
      )
      await committed(transaction)
    })
  } catch (error) {
    if (!again || !isTidingsError(error, 'TIDINGS_UNIT_REFUSED')) throw error
    await makeTable(store, false)
  }
}

/** The open transaction of whoever is to take a step; undefined where it has been taken. Waits for whoever is taking it, as long as the store does. */
async function claim(
  store: SqlStore,
  service: string,
  { id }: Migration,
  now: number,
): Promise<Transaction | undefined> {
  const transaction = await store.begin({ hold: mostPatience })
  const [mine] = await inside(transaction, () =>
    transaction.query(
      sql`insert into service_migrations (service, id, applied_at) values (${service}, ${id}, ${now}) on conflict do nothing returning id`,
    ),
  )
  if (mine !== undefined) return transaction
  await transaction.rollback()
  return undefined
}

async function take(transaction: Transaction, { statements }: Migration): Promise<void> {
  for (const statement of statements) await transaction.query(statement)
  await committed(transaction)
}

/** A store gives up on locks after a while. Whoever holds them may be at a long migration, unless the store itself is away. */
async function waiting<Result>(
  store: SqlStore,
  { service, log }: MigrateOptions,
  attempt: () => Promise<Result>,
): Promise<Result> {
  const until = performance.now() + mostPatience
  for (let told = false; ; told = true) {
    try {
      return await attempt()
    } catch (error) {
      if (!isTidingsError(error, 'TIDINGS_STORE_UNAVAILABLE') || performance.now() >= until) throw error
      const reachable = await store.query(sql`select 1`).then(
        () => true,
        () => false,
      )
      if (!reachable) throw error
      if (!told) log('info', 'Waits for another process that migrates', { service: service.name })
    }
    await sleep(looksEvery)
  }
}

/** Rolls back where `work` fails. */
async function inside<Result>(transaction: Transaction, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    await transaction.rollback()
    throw error
  }
}

async function committed(transaction: Transaction): Promise<void> {
  const answer = await transaction.commit({})
  if (answer.status === 'refused') throw answer.error
}
