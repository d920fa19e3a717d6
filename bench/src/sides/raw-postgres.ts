import { randomUUID } from 'node:crypto'

import pg from 'pg'

import type { Side, SideHost } from '../harness/side.ts'
import { cheapId, keyOf, type Order, orderOf, type as orderType, source } from '../order-event.ts'
import { Tally } from './tally.ts'

/**
 * `pg` by hand: one table with a running number, unique ids and an index by stream; all publishes of a turn travel in one insert of arrays while
 * the one before is under way, on one connection. Options `url`; `handled`: a second connection reads up to 500 after its checkpoint, awaits an async
 * handler for each and writes the checkpoint, again and again.
 */
export async function open({ options }: SideHost): Promise<Side> {
  const { url, handled = false } = options
  const schema = `raw_${randomUUID().replaceAll('-', '').slice(0, 12)}`
  const writer = new pg.Client({ connectionString: String(url) })
  await writer.connect()
  await writer.query(`
    create schema ${schema};
    create table ${schema}.events (
      position bigint generated always as identity primary key, id text not null, source text not null, type text not null,
      stream text not null, time bigint not null, data text not null, unique (source, id));
    create index on ${schema}.events (stream, position);
    create table ${schema}.checkpoints (name text primary key, position bigint not null);
    insert into ${schema}.checkpoints values ('orders', 0)`)
  const tally = new Tally()
  let acknowledged = 0
  const insert = async (ats: readonly number[]): Promise<void> => {
    const [ids, streams, data]: [string[], string[], string[]] = [[], [], []]
    for (const at of ats) {
      ids.push(cheapId())
      streams.push(keyOf(at))
      data.push(JSON.stringify(orderOf(at)))
    }
    await writer.query({
      name: 'insert',
      text: `insert into ${schema}.events (id, source, type, stream, time, data)
        select id, $4, $5, stream, $6, data from unnest($1::text[], $2::text[], $3::text[]) as fresh (id, stream, data)`,
      values: [ids, streams, data, source, orderType, Date.now()],
    })
    acknowledged += ats.length
  }

  let waiting: { readonly at: number; readonly settle: () => void; readonly fail: (error: unknown) => void }[] = []
  let flying = false
  const flush = async (): Promise<void> => {
    flying = true
    while (waiting.length > 0) {
      const batch = waiting
      waiting = []
      try {
        await insert(batch.map(({ at }) => at))
        for (const { settle } of batch) settle()
      } catch (error) {
        for (const { fail } of batch) fail(error)
      }
    }
    flying = false
  }

  let reading = Promise.resolve()
  let open = true
  const reader = handled === true ? new pg.Client({ connectionString: String(url) }) : undefined
  if (reader !== undefined) {
    await reader.connect()
    const handle = async ({ orderId }: Order): Promise<void> => tally.add(orderId)
    reading = (async () => {
      for (let position = '0'; open; ) {
        // One writer on one connection leaves no gap that could be filled later.
        const { rows } = await reader.query<{ position: string; data: string }>({
          name: 'read',
          text: `select position, data from ${schema}.events where position > $1 order by position limit 500`,
          values: [position],
        })
        const last = rows.at(-1)
        if (last === undefined) {
          await new Promise((resolve) => setTimeout(resolve, 2))
          continue
        }
        for (const { data } of rows) await handle(JSON.parse(data) as Order)
        position = last.position
        await reader.query({
          name: 'mark',
          text: `update ${schema}.checkpoints set position = $1 where name = 'orders'`,
          values: [position],
        })
      }
    })()
  }
  return {
    one: (at) =>
      new Promise<void>((settle, fail) => {
        waiting.push({ at, settle, fail })
        if (!flying) {
          flying = true
          queueMicrotask(() => void flush())
        }
      }),
    batch: (from, count) => insert(Array.from({ length: count }, (_, at) => from + at)),
    seen: () => (handled === true ? tally.count : acknowledged),
    hears: (heard) => void (tally.heard = heard),
    finished: (total) => (handled === true ? tally.reach(total) : Promise.resolve()),
    close: async () => {
      open = false
      await reading
      await writer.query(`drop schema ${schema} cascade`)
      await writer.end()
      await reader?.end()
    },
  }
}
