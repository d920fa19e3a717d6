import { randomUUID } from 'node:crypto'

import pg from 'pg'

import type { Side, SideHost } from '../harness/side.ts'
import { type Envelope, envelopeOf, keyOf } from '../order-event.ts'
import { coalesce } from './brokers/coalesce.ts'
import { openRawBroker } from './brokers/raw-broker.ts'
import { Tally } from './tally.ts'

/**
 * The same by hand: what is ready is inserted into an outbox in one statement; a relay publishes what it finds there, 500 at a time, and notes how far
 * it is; who hears it inserts the ids that are new, handles those and commits, a batch at a time, before the broker is told. Nothing is kept of the
 * events there, and nothing is read again.
 */
export async function open({ options }: SideHost): Promise<Side> {
  const { server, url, postgres } = options
  const schema = `raw_${randomUUID().replaceAll('-', '').slice(0, 12)}`
  const broker = await openRawBroker(String(server), String(url), `bench-${randomUUID().slice(0, 8)}`)
  const [writer, relay, inbox] = await Promise.all([1, 2, 3].map(() => connected(String(postgres))))
  if (writer === undefined || relay === undefined || inbox === undefined) throw new Error('There is no database.')
  await writer.query(`
    create schema ${schema};
    create table ${schema}.outbox (
      position bigint generated always as identity primary key, id text not null unique, key text not null, event text not null);
    create table ${schema}.relay (position bigint not null);
    insert into ${schema}.relay values (0);
    create table ${schema}.inbox (id text primary key)`)
  const tally = new Tally()
  let wake = (): void => {}
  let open = true

  const add = coalesce<Envelope>(async (events) => {
    await writer.query({
      name: 'insert',
      text: `insert into ${schema}.outbox (id, key, event) select * from unnest($1::text[], $2::text[], $3::text[])`,
      values: [
        events.map(({ id }) => id),
        events.map(({ subject }) => subject),
        events.map((event) => JSON.stringify(event)),
      ],
    })
    wake()
  })

  const relaying = (async () => {
    for (let position = '0'; open; ) {
      const { rows } = await relay.query<{ position: string; key: string; event: string }>({
        name: 'read',
        text: `select position, key, event from ${schema}.outbox where position > $1 order by position limit 500`,
        values: [position],
      })
      const last = rows.at(-1)
      if (last === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        continue
      }
      await Promise.all(rows.map(({ key, event }) => broker.publish(key, event)))
      position = last.position
      await relay.query({ name: 'mark', text: `update ${schema}.relay set position = $1`, values: [position] })
    }
  })()

  const handle = async ({ subject }: Envelope): Promise<void> => tally.add(subject)
  // Partitions are heard at the same time, and share one connection.
  let turn: Promise<void> = Promise.resolve()
  const take = async (values: readonly string[]): Promise<void> => {
    const events = values.map((value) => JSON.parse(value) as Envelope)
    await inbox.query('begin')
    const { rows } = await inbox.query<{ id: string }>({
      name: 'take',
      text: `insert into ${schema}.inbox select * from unnest($1::text[]) on conflict do nothing returning id`,
      values: [events.map(({ id }) => id)],
    })
    const fresh = new Set(rows.map(({ id }) => id))
    for (const event of events) if (fresh.has(event.id)) await handle(event)
    await inbox.query('commit')
  }
  await broker.listen((values) => (turn = turn.then(() => take(values))))
  return {
    one: (at) => add({ ...envelopeOf(at), subject: keyOf(at) }),
    seen: () => tally.count,
    finished: (total) => tally.reach(total),
    close: async () => {
      open = false
      wake()
      await Promise.all([relaying, turn])
      await broker.close()
      await writer.query(`drop schema ${schema} cascade`)
      await Promise.all([writer, relay, inbox].map((client) => client.end()))
    },
  }
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return client
}
