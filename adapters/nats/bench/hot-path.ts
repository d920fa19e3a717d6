/**
 * How close the transport comes to the raw client, on this machine: `NATS_URL=nats://… node --conditions=source adapters/nats/bench/hot-path.ts`.
 * Both keep 256 events of 400 bytes of data in flight, into a file stream each, with an id by which the server knows them again. The raw client
 * sends bare data and decodes nothing. Rounds of both alternate in one process, so that whatever else the machine does falls on
 * both; what counts is the ratio. The argument `cpu` counts this process's time instead of time, for machines that are busy with something else.
 */
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { checksumOf, type EventRecord, realRuntime, silentLog, silentMeter } from 'tidings/spi'

import { nats } from '../src/index.ts'

interface Side {
  publish(record: EventRecord): Promise<void>
  /** Calls for each event that arrives from now on. */
  listen(arrived: () => void): Promise<void>
  close(): Promise<void>
}

const url = process.env['NATS_URL'] ?? 'nats://127.0.0.1:4222'
const server = new URL(url).host
const host = { runtime: realRuntime(), log: silentLog, meter: silentMeter }
const rounds = 9
const perRound = 5_120
const inFlight = 256
const cpu = process.argv[2] === 'cpu'
const line = (text: string): void => void process.stdout.write(`${text}\n`)

const sides = [await tidings(), await raw()] as const
try {
  await measure('publish', 0.7, async (side, records) => publishAll(side, records))
  let heard = 0
  let wanted = Number.POSITIVE_INFINITY
  let all = (): void => {}
  for (const side of sides) {
    await side.listen(() => {
      if (++heard === wanted) all()
    })
  }
  await measure('publish to delivered', 0.6, async (side, records) => {
    const delivered = new Promise<void>((resolve) => void (all = resolve))
    heard = 0
    wanted = records.length
    await publishAll(side, records)
    await delivered
  })
} finally {
  for (const side of sides) await side.close()
}

async function measure(
  title: string,
  aim: number,
  run: (side: Side, records: readonly EventRecord[]) => Promise<void>,
): Promise<void> {
  const times: readonly [number[], number[]] = [[], []]
  for (let round = 0; round < rounds; round++) {
    for (const at of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      const records = makeRecords(perRound)
      const began = now()
      await run(sides[at], records)
      times[at].push(now() - began)
    }
  }
  const [mine, bare] = times.map((each) => (perRound * 1_000) / median(each)) as [number, number]
  line(`${title}: transport ${rate(mine)}, raw ${rate(bare)}, ratio ${(mine / bare).toFixed(2)} (aim ${aim})`)
}

async function publishAll(side: Side, records: readonly EventRecord[]): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    for (let record = records[next++]; record !== undefined; record = records[next++]) await side.publish(record)
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
}

async function tidings(): Promise<Side> {
  const prefix = `bench-${host.runtime.id()}`
  const transport = await nats({ servers: [server], prefix }).open(host)
  return {
    async publish(record) {
      const [outcome] = await transport.publish([record])
      if (outcome?.status !== 'stored') throw outcome?.error ?? new Error('There was no answer.')
    },
    async listen(arrived) {
      const consumer = await transport.subscribe(
        { group: 'bench', start: 'end' },
        {
          assigned: async (partitions) => partitions.map(() => -1),
          revoked: async () => {},
          lost: () => {},
          deliver: (deliveries) => {
            for (const delivery of deliveries) if (delivery.record !== undefined) arrived()
            consumer.request(deliveries.length)
          },
          scanned: () => {},
          ended: (cause) => {
            throw cause
          },
        },
      )
      consumer.request(2_048)
    },
    async close() {
      await transport.close()
      await remove(prefix, `KV_${prefix}_groups`)
    },
  }
}

async function raw(): Promise<Side> {
  const name = `bench-raw-${host.runtime.id()}`
  const connection = await connect({ servers: [server], noAsyncTraces: true })
  const manager = await jetstreamManager(connection)
  await manager.streams.add({ name, subjects: [`${name}.>`] })
  const client = jetstream(connection)
  return {
    async publish({ id, key, data }) {
      await client.publish(`${name}.${key}`, data, { msgID: id })
    },
    async listen(arrived) {
      const consumer = await client.consumers.get(name, { deliver_policy: 'new' as never })
      await consumer.consume({ max_messages: 2_048, callback: () => arrived() })
    },
    async close() {
      await connection.close()
      await remove(name)
    },
  }
}

async function remove(...streams: readonly string[]): Promise<void> {
  const connection = await connect({ servers: [server] })
  const manager = await jetstreamManager(connection)
  for (const stream of streams) await manager.streams.delete(stream)
  await connection.close()
}

function makeRecords(count: number): EventRecord[] {
  const note = 'x'.repeat(310)
  return Array.from({ length: count }, (_, at) => {
    const id = host.runtime.id()
    const record = {
      id,
      source: '/shop',
      type: 'order.placed',
      version: '1.0.0',
      category: 'order',
      key: `o-${at % 1_000}`,
      tenant: 'acme',
      time: 1_767_225_600_000 + at,
      priority: 2,
      correlation: id,
      causation: '',
      context: '{"userId":"u-1","actor":"user:u-1"}',
      data: JSON.stringify({ orderId: `o-${at}`, customerId: 'c-98765', total: 99.9, currency: 'EUR', note }),
      encoding: '',
    }
    return { ...record, checksum: checksumOf(record), seal: '' }
  })
}

function now(): number {
  if (!cpu) return performance.now()
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number
}

function rate(perSecond: number): string {
  return `${Math.round(perSecond).toLocaleString('en')} events/s`
}
