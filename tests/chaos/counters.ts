import { defineEvent, sql } from 'tidings'

export interface Count {
  /** Which stream. */
  readonly counter: string
  /** Ascends along the stream. */
  readonly sequence: number
}

export const Counted = defineEvent<Count>('counter.counted', { key: (count) => count.counter })

export const countersTable = sql`
  create table if not exists counters (counter text primary key, n integer not null, last integer not null, disordered integer not null)`

/** `n = n + 1`, with no key that would hide a second time, and a look whether an earlier event comes late. */
export function counting({ counter, sequence }: Count): ReturnType<typeof sql> {
  return sql`
    insert into counters values (${counter}, 1, ${sequence}, 0)
    on conflict do update set n = n + 1, disordered = disordered + (last >= ${sequence}), last = ${sequence}`
}
