import { DatabaseSync } from 'node:sqlite'
import { expect } from 'vitest'

/** Looks at the file of running or dead processes, from outside and without their code. */
export class CountersFile {
  readonly #database: DatabaseSync
  readonly #file: string

  constructor(file: string) {
    this.#file = file
    this.#database = new DatabaseSync(file, { readOnly: true, timeout: 5_000 })
  }

  #number(text: string, ...values: string[]): number {
    return Number(Object.values(this.#database.prepare(text).get(...values) ?? {})[0] ?? 0)
  }

  /** How many events were handled; of one stream where given. */
  handled(counter?: string): number {
    return counter === undefined
      ? this.#number('select sum(n) from counters')
      : this.#number('select n from counters where counter = ?', counter)
  }

  logged(): number {
    return this.#number("select count(*) from tidings_events where type = 'counter.counted'")
  }

  /** The states of all parked events, in order of stream and position. */
  parked(): string[] {
    const rows = this.#database
      .prepare("select body from tidings_documents where collection = 'parked' order by id")
      .all()
    return rows.map((row) => (JSON.parse(String(row.body)) as { state: string }).state)
  }

  /** How many instances hold a partition of the group. */
  owners(): number {
    const rows = this.#database
      .prepare("select body from tidings_documents where collection = 'fences' and id like 'counting/%'")
      .all()
    return new Set(rows.map((row) => (JSON.parse(String(row.body)) as { instance: string }).instance)).size
  }

  /** Whether somebody can begin to write within moments. */
  writable(): boolean {
    const database = new DatabaseSync(this.#file, { timeout: 500 })
    try {
      database.exec('begin immediate; rollback')
      return true
    } catch {
      return false
    } finally {
      database.close()
    }
  }

  holds(eventId: string): boolean {
    return this.#number('select count(*) from tidings_events where id = ?', eventId) === 1
  }

  /** Each event that the log holds was handled once, in the order of its stream, and nothing is left aside. */
  expectExactlyOnce(): void {
    const keys = `select s.key, count(*) as events from tidings_events e join tidings_streams s on s.id = e.stream
      where e.type = 'counter.counted' group by s.key`
    const logged = this.#database.prepare(keys).all()
    const counted = this.#database.prepare('select counter, n from counters').all()
    expect(new Map(counted.map(({ counter, n }) => [counter, n]))).toEqual(
      new Map(logged.map(({ key, events }) => [key, events])),
    )
    expect(this.#number('select sum(disordered) from counters')).toBe(0)
    expect(this.parked()).toEqual([])
  }

  close(): void {
    this.#database.close()
  }
}
