import { postgres } from '@tidings/postgres'
import { redis } from '@tidings/redis'
import { isSqlStore, sql } from 'tidings'
import { realRuntime, type Store, silentLog, silentMeter } from 'tidings/spi'

import { SaleCounted } from './sales-service.ts'
import type { Sale } from './selling-service.ts'

/** What became of the sales of one stream. */
export interface Counted {
  readonly n: number
  /** How often an earlier one came after a later one. */
  readonly disordered: number
}

/** Looks from outside at what three instances have counted in their store. Whatever it asks is answered from the last look while the store is away. */
export class Tally {
  readonly #store: Store
  readonly #streams = new Map<string, { n: number; last: number; disordered: number }>()
  #through = 0
  #handled = 0

  private constructor(store: Store) {
    this.#store = store
  }

  static async open(url: string): Promise<Tally> {
    const adapter = url.startsWith('redis') ? redis(url) : postgres(url)
    const store = await adapter.open({ runtime: realRuntime(), log: silentLog, meter: silentMeter })
    if (isSqlStore(store)) {
      const table = sql`create table counters (stream text primary key, n integer not null, last integer not null, disordered integer not null)`
      const [result] = await store.commit([{ statements: [table] }])
      if (result?.status !== 'committed') throw new Error(`Expected a table of counters, got ${result?.status}.`)
    }
    return new Tally(store)
  }

  /** How many were counted, each time it was. */
  async handled(): Promise<number> {
    try {
      for (;;) {
        const page = await this.#store.readAll({ after: this.#through, limit: 500, types: [SaleCounted.type] })
        for (const { record } of page.events) this.#count(JSON.parse(String(record.data)) as Sale)
        if (page.through === this.#through) break
        this.#through = page.through
      }
    } catch {
      // The store is away; that is what these tests are about.
    }
    return this.#handled
  }

  /** By the events that handlers have published. */
  async streams(): Promise<ReadonlyMap<string, Counted>> {
    await this.handled()
    return new Map([...this.#streams].map(([stream, { n, disordered }]) => [stream, { n, disordered }]))
  }

  /** By the rows that handlers have written; undefined where the store takes no SQL. */
  async rows(): Promise<ReadonlyMap<string, Counted> | undefined> {
    if (!isSqlStore(this.#store)) return undefined
    const rows = await this.#store.query(sql`select stream, n, disordered from counters`)
    return new Map(
      rows.map(({ stream, n, disordered }) => [String(stream), { n: Number(n), disordered: Number(disordered) }]),
    )
  }

  async parked(): Promise<readonly string[]> {
    return (await this.#store.find('parked', { limit: 5 })).map(({ body }) => body)
  }

  close(): Promise<void> {
    return this.#store.close()
  }

  #count({ stream, sequence }: Sale): void {
    const one = this.#streams.get(stream) ?? { n: 0, last: 0, disordered: 0 }
    one.n++
    if (one.last >= sequence) one.disordered++
    one.last = sequence
    this.#streams.set(stream, one)
    this.#handled++
  }
}
