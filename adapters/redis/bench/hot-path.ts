/**
 * How close a bus on Redis comes to the same client by hand, on this machine: `REDIS_URL=… node --conditions=source
 * adapters/redis/bench/hot-path.ts`. 256 callers, events of about 400 bytes; the client sends what is asked in one turn together on both
 * sides. By hand: one XADD an event with one field of JSON, and XREADGROUP and XACK by 500 on a second connection. Rounds of both alternate in one
 * process, so that whatever else the machine does falls on both; what counts is the ratio. Argument: events of one round, default 20,000.
 */
import { createClient } from '@redis/client'
import { createEventBus, defineEvent } from 'tidings'
import { realRuntime, silentLog, silentMeter } from 'tidings/spi'

import { redis } from '../src/index.ts'

const url = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379'
const host = { runtime: realRuntime(), log: silentLog, meter: silentMeter }
const perRound = Number(process.argv[2] ?? 20_000)
const rounds = 7
const inFlight = 256
const run = host.runtime.id().slice(-12)

interface Side {
  /** Publishes one event. */
  one(at: number): Promise<unknown>
  /** Resolves when so many events in all have been handled. */
  handled(total: number): Promise<void>
  close(): Promise<void>
}

/** Counts, and tells when a number is reached. */
class Count {
  #count = 0
  #waiting: { total: number; resolve: () => void } | undefined

  add(): void {
    this.#count++
    if (this.#waiting !== undefined && this.#count >= this.#waiting.total) this.#waiting.resolve()
  }

  reach(total: number): Promise<void> {
    if (this.#count >= total) return Promise.resolve()
    return new Promise((resolve) => (this.#waiting = { total, resolve }))
  }
}

const line = (text: string): void => void process.stdout.write(`${text}\n`)

for (const streams of [1_000, 0]) {
  for (const handled of [false, true]) {
    const sides = [await tidings(handled, streams), await byHand(handled, streams)] as const
    const times: [number[], number[]] = [[], []]
    for (let round = 0; round < rounds; round++) {
      for (const at of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
        const began = performance.now()
        await drive(sides[at], round * perRound)
        if (handled) await sides[at].handled((round + 1) * perRound)
        times[at].push(performance.now() - began)
      }
    }
    for (const side of sides) await side.close()
    // The first two rounds warm up.
    const [mine, bare] = times.map((list) => perRound / median(list.slice(2))) as [number, number]
    line(
      `${streams === 0 ? 'a stream for each event' : `${streams} streams`}, ${handled ? 'published and handled' : 'published'}: ` +
        `tidings ${rate(mine)}, by hand ${rate(bare)}, ratio ${(mine / bare).toFixed(2)}`,
    )
  }
}

async function drive(side: Side, from: number): Promise<void> {
  let next = from
  const end = from + perRound
  const caller = async (): Promise<void> => {
    while (next < end) await side.one(next++)
  }
  await Promise.all(Array.from({ length: inFlight }, caller))
}

async function tidings(handled: boolean, streams: number): Promise<Side> {
  const prefix = `bench:${run}:${handled ? 'h' : 'p'}:${streams}`
  const key = (order: ReturnType<typeof orderOf>): string => order.orderId
  const OrderPlaced = defineEvent<ReturnType<typeof orderOf>>('order.placed', streams === 0 ? {} : { key })
  const bus = await createEventBus({ store: redis(url, { prefix }), source: '/shop', ...host })
  const count = new Count()
  if (handled) bus.subscribe(OrderPlaced, { name: 'orders', concurrency: 16 }, async () => count.add())
  await bus.start()
  return {
    one: (at) => bus.publish(OrderPlaced, orderOf(streams === 0 ? at : at % streams)),
    handled: (total) => count.reach(total),
    async close() {
      await bus.close()
      const client = await connected()
      for await (const keys of client.scanIterator({ MATCH: `{${prefix}}*`, COUNT: 10_000 })) await client.unlink(keys)
      client.destroy()
    },
  }
}

async function byHand(handled: boolean, streams: number): Promise<Side> {
  const log = `bench:${run}:raw`
  const client = await connected()
  const reader = handled ? await connected() : undefined
  const count = new Count()
  let open = true
  let reading = Promise.resolve()
  if (reader !== undefined) {
    await client.xGroupCreate(log, 'orders', '0', { MKSTREAM: true })
    reading = (async () => {
      while (open) {
        const read = (await reader.xReadGroup('orders', 'one', { key: log, id: '>' }, { COUNT: 500, BLOCK: 20 })) as
          | readonly { readonly messages: readonly { readonly id: string; readonly message: { event: string } }[] }[]
          | null
        const messages = read?.[0]?.messages ?? []
        const handle = async (_event: unknown): Promise<void> => count.add()
        for (const { message } of messages) await handle(JSON.parse(message.event))
        if (messages.length > 0)
          await reader.xAck(
            log,
            'orders',
            messages.map(({ id }) => id),
          )
      }
    })()
  }
  return {
    one: (at) => client.xAdd(log, '*', { event: JSON.stringify(envelopeOf(at, streams)) }),
    handled: (total) => count.reach(total),
    async close() {
      open = false
      await reading
      await client.unlink(log)
      for (const one of [client, reader]) one?.destroy()
    },
  }
}

async function connected(): Promise<ReturnType<typeof createClient>> {
  const client = createClient({ url, commandOptions: { timeout: 0 } })
  client.on('error', () => {})
  await client.connect()
  return client as ReturnType<typeof createClient>
}

function orderOf(at: number) {
  return {
    orderId: `o-${at}`,
    customerId: 'c-98765',
    total: 99.9,
    currency: 'EUR',
    items: [
      { sku: 'sku-1', quantity: 2 },
      { sku: 'sku-2', quantity: 1 },
    ],
  }
}

/** What somebody by hand would write: an id, a time, and the data. */
function envelopeOf(at: number, streams: number) {
  const id = host.runtime.id()
  return {
    specversion: '1.0',
    id,
    source: '/shop',
    type: 'order.placed',
    subject: streams === 0 ? id : `o-${at % streams}`,
    time: new Date(host.runtime.now()).toISOString(),
    datacontenttype: 'application/json',
    correlationid: id,
    data: orderOf(at),
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number
}

function rate(perMillisecond: number): string {
  return `${Math.round(perMillisecond * 1_000).toLocaleString('en')}/s`
}
