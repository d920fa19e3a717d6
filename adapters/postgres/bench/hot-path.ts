/**
 * How close publishing comes to `pg` itself, on this machine: `POSTGRES_URL=postgres://… node --conditions=source adapters/postgres/bench/hot-path.ts`.
 * The raw side writes the same rows into a table with the same indexes by multi-row inserts, gathers what comes while others fly, on one
 * connection or on two, and knows positions and versions beforehand. Rounds of all sides alternate in one process, so that whatever else the
 * machine does falls on all of them; what counts is the ratio.
 */
import pg from 'pg'
import { createEventBus, defineEvent } from 'tidings'
import { checksumOf, type EventRecord, partitionOf, realRuntime, silentLog, silentMeter, streamText } from 'tidings/spi'

import { streamId, uuidText } from '../src/commit/identities.ts'
import { type PostgresAdapter, postgres } from '../src/index.ts'
import { relationsOf } from '../src/relations.ts'

const url = process.env['POSTGRES_URL'] ?? 'postgres://localhost/tidings'
const host = { runtime: realRuntime(), log: silentLog, meter: silentMeter }
const inFlight = 256
const rounds = Number(process.argv[2] ?? 7)
const perRound = Number(process.argv[3] ?? 12_800)
const streams = Number(process.argv[4] ?? 1_000)

interface Side {
  readonly name: string
  readonly publish: (at: number) => Promise<unknown>
  readonly close: () => Promise<void>
}

const line = (text: string): void => void process.stdout.write(`${text}\n`)
const schemas: string[] = []

const sides = [await raw(1), await raw(2), await bare(), await bus()]
const times = sides.map((): number[] => [])
for (let round = 0; round < rounds; round++) {
  for (const [at, side] of sides.entries()) {
    const took = await drive(side, round * perRound)
    // The first round warms up.
    if (round > 0) times[at]?.push(took)
  }
}
const rates = times.map((all) => (perRound / median(all)) * 1_000)
const best = Math.max(rates[0] as number, rates[1] as number)
sides.forEach(({ name }, at) => {
  const rate = rates[at] as number
  line(
    `${name.padEnd(24)} ${Math.round(rate).toLocaleString('en').padStart(8)} events/s   ${(rate / best).toFixed(2)} of raw`,
  )
})
for (const side of sides) await side.close()
await withClient(async (client) => {
  for (const schema of schemas) await client.query(`drop schema "${schema}" cascade`)
})

/** Keeps so many calls in flight until all are answered. */
async function drive(side: Side, first: number): Promise<number> {
  let next = 0
  const began = performance.now()
  const caller = async (): Promise<void> => {
    while (next < perRound) await side.publish(first + next++)
  }
  await Promise.all(Array.from({ length: inFlight }, caller))
  return performance.now() - began
}

function dataOf(at: number): Record<string, unknown> {
  return {
    orderId: `o-${at}`,
    customerId: 'c-98765',
    total: 99.9,
    currency: 'EUR',
    note: 'x'.repeat(150),
    items: [
      { sku: 'sku-1', quantity: 2 },
      { sku: 'sku-2', quantity: 1 },
    ],
  }
}

function recordOf(at: number): EventRecord {
  const id = host.runtime.id()
  const record = {
    id,
    source: '/shop',
    type: 'order.placed',
    version: '1.0.0',
    category: 'order',
    key: streams === 0 ? id : `o-${at % streams}`,
    tenant: 'acme',
    time: Date.now(),
    priority: 2,
    correlation: id,
    causation: '',
    context: '{"userId":"u-1","actor":"user:u-1"}',
    data: JSON.stringify(dataOf(at)),
    encoding: '',
    fresh: true,
  }
  return { ...record, checksum: checksumOf(record), seal: '' }
}

function newStore(): PostgresAdapter {
  const schema = `bench_${host.runtime.id().replaceAll('-', '').slice(-12)}`
  schemas.push(schema)
  return postgres(url, { schema })
}

/** Through `publish`, as users do. */
async function bus(): Promise<Side> {
  const placed = defineEvent('order.placed', {
    version: '1.0.0',
    key: (order: Record<string, unknown>) => String(order['key']),
  })
  const opened = await createEventBus({ store: newStore(), source: '/shop', log: silentLog })
  await opened.start()
  return {
    name: 'bus.publish',
    publish: (at) =>
      opened.publish(
        placed,
        { ...dataOf(at), key: streams === 0 ? host.runtime.id() : `o-${at % streams}` },
        { tenantId: 'acme', userId: 'u-1' },
      ),
    close: () => opened.close(),
  }
}

/** Units of one event, gathered while others fly. */
async function bare(): Promise<Side> {
  const store = await newStore().open(host)
  const gathered = gather<EventRecord>(1, async (_, records) => {
    const results = await store.commit(records.map((record) => ({ append: [record] })))
    if (results.some((result) => result.status !== 'committed')) throw new Error('A unit did not commit.')
  })
  return { name: 'store.commit', publish: (at) => gathered(recordOf(at)), close: () => store.close() }
}

async function raw(connections: number): Promise<Side> {
  await (await newStore().open(host)).close()
  const { events } = relationsOf(schemas.at(-1) as string, 'events')
  const clients = Array.from({ length: connections }, () => new pg.Client(url))
  for (const client of clients) await client.connect()
  const columns =
    'position bigint, stream_version bigint, time bigint, stream uuid, partition smallint, priority smallint, id text, source text, type text, version text, tenant text, category text, key text, correlation text, causation text, encoding text, checksum text, seal text, context text, data text'
  const names = columns.split(', ').map((column) => column.split(' ') as [string, string])
  const text = `insert into ${events} (${names.map(([name]) => name).join(', ')}) select * from unnest(${names.map(([, type], at) => `$${at + 1}::${type}[]`).join(', ')})`
  const versions = new Map<string, { version: number; id: string; partition: number }>()
  let position = 0
  const gathered = gather<EventRecord>(connections, async (at, records) => {
    const values = names.map((): unknown[] => [])
    for (const record of records) {
      let stream = versions.get(record.key)
      if (stream === undefined) {
        stream = { version: 0, id: uuidText(streamId(record)), partition: partitionOf(streamText(record), 8) }
        versions.set(record.key, stream)
      }
      const row = {
        ...record,
        position: ++position,
        stream_version: ++stream.version,
        stream: stream.id,
        partition: stream.partition,
        correlation: null,
      } as unknown as Record<string, unknown>
      names.forEach(([name], column) => values[column]?.push(row[name]))
    }
    await clients[at]?.query({ name: 'insert', text, values })
  })
  return {
    name: `pg, ${connections} connection${connections === 1 ? '' : 's'}`,
    publish: (at) => gathered(recordOf(at)),
    close: async () => {
      for (const client of clients) await client.end()
    },
  }
}

/** Hands over what has come together whenever one of `lanes` is free. */
function gather<T>(
  lanes: number,
  flush: (lane: number, batch: readonly T[]) => Promise<void>,
): (one: T) => Promise<void> {
  const waiting: { readonly one: T; readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = []
  const free = Array.from({ length: lanes }, (_, at) => at)
  let scheduled = false
  const send = (): void => {
    scheduled = false
    const lane = waiting.length === 0 ? undefined : free.pop()
    if (lane === undefined) return
    const batch = waiting.splice(0, Math.ceil(waiting.length / (free.length + 1)))
    flush(
      lane,
      batch.map(({ one }) => one),
    )
      .then(
        () => batch.forEach(({ resolve }) => resolve()),
        (error: unknown) => batch.forEach(({ reject }) => reject(error)),
      )
      .finally(() => {
        free.push(lane)
        schedule()
      })
    if (waiting.length > 0) schedule()
  }
  const schedule = (): void => {
    if (scheduled) return
    scheduled = true
    queueMicrotask(send)
  }
  return (one) =>
    new Promise((resolve, reject) => {
      waiting.push({ one, resolve, reject })
      schedule()
    })
}

async function withClient(use: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  await use(client)
  await client.end()
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number
}
