/**
 * How close the transport comes to the vendor's own client, on this machine and the shared broker:
 * `node --conditions=source adapters/kafka/bench/hot-path.ts`. Rounds of both alternate in one process, so that whatever else the machine
 * does falls on both; what counts is the ratio.
 *
 * - publish: 256 calls at a time, each the next as soon as it is answered; the raw client coalesces them in the same way: what is ready
 *   leaves in one call while the one before is on its way, idempotent and with acks of all, key and 400 bytes of data, no headers.
 * - through: the same, until every event was delivered; the raw consumer reads buffers and parses each as JSON.
 */

import { type EventRecord, type Transport } from 'tidings/spi'

import { eventOf } from '../tests/events.ts'
import { bootstrap, type KafkaWorld, kafkaWorld } from '../tests/kafka-world.ts'
import { Listener } from '../tests/listener.ts'

const flying = 256
const rounds = Number(process.argv[2] ?? 7)
const perRound = Number(process.argv[3] ?? 20_000)
const only = process.argv[4]

interface Side {
  publish(count: number): Promise<void>
  /** Publishes, and resolves when all of it has been delivered. */
  through(count: number): Promise<void>
  close(): Promise<void>
}

const line = (text: string): void => void process.stdout.write(`${text}\n`)
const payload = JSON.stringify({ orderId: 'o-1', total: 99.9, note: 'x'.repeat(400 - 43) })

const world = await kafkaWorld()
await world.make(['order', 'raw'], 4)
try {
  const sides = { ours: await ours(world), raw: await raw(world) }
  for (const what of ['publish', 'through'] as const) {
    const times = { ours: [] as number[], raw: [] as number[] }
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 === 0 ? (['ours', 'raw'] as const) : (['raw', 'ours'] as const)
      for (const side of order) {
        if (only !== undefined && side !== only) continue
        const began = performance.now()
        await sides[side][what](perRound)
        times[side].push(performance.now() - began)
      }
    }
    const [a, b] = [perRound / median(times.ours), perRound / median(times.raw)]
    line(`${what}: transport ${rate(a)}, raw ${rate(b)}, ratio ${(a / b).toFixed(2)}`)
  }
  for (const side of Object.values(sides)) await side.close()
} finally {
  await world.end()
}

async function ours({ connect }: KafkaWorld): Promise<Side> {
  const transport: Transport = await connect()
  const reading = await connect()
  const listener = await new Listener().join(reading, { group: 'bench', topics: ['order'] }, 2_048)
  let heard = 0
  let expected = Number.POSITIVE_INFINITY
  let reached: () => void = () => {}
  listener.handle = () => {
    listener.got.length = 0
    if (++heard === expected) reached()
  }
  const publish = (count: number): Promise<void> =>
    fly(count, async (at) => {
      const [outcome] = await transport.publish([event(at)])
      if (outcome?.status !== 'stored') throw new Error('It was not stored.')
    })
  let total = 0
  return {
    async publish(count) {
      total += count
      await publish(count)
    },
    async through(count) {
      total += count
      const all = new Promise<void>((resolve) => (reached = resolve))
      expected = total
      await publish(count)
      if (heard < expected) await all
    },
    async close() {
      await transport.close()
      await reading.close()
    },
  }
}

function event(at: number): EventRecord {
  return eventOf({ key: `o-${at % 1_000}`, data: payload })
}

async function raw({ client, settings }: KafkaWorld): Promise<Side> {
  const topic = `${settings.prefix}raw`
  const producer = new client.Producer({
    clientId: 'raw',
    bootstrapBrokers: [bootstrap],
    idempotent: true,
    retryDelay: 50,
  })
  const consumer = new client.Consumer({
    clientId: 'raw',
    bootstrapBrokers: [bootstrap],
    groupId: `${settings.prefix}raw`,
    retryDelay: 50,
  })
  const stream = await consumer.consume({
    topics: [topic],
    mode: 'earliest',
    autocommit: 1_000,
    maxWaitTime: 40,
    highWaterMark: 2_048,
  })
  let heard = 0
  let expected = Number.POSITIVE_INFINITY
  let reached: () => void = () => {}
  stream.on('data', (message: { value: Buffer | null }) => {
    JSON.parse(String(message.value))
    if (++heard === expected) reached()
  })
  interface Waiting {
    readonly key: Buffer
    readonly value: Buffer
    readonly stored: () => void
    readonly failed: (error: Error) => void
  }
  let waiting: Waiting[] = []
  let flying = false
  const leave = (): void => {
    if (flying || waiting.length === 0) return
    flying = true
    const taken = waiting
    waiting = []
    producer.send({ messages: taken.map(({ key, value }) => ({ topic, key, value })), acks: -1 }).then(
      () => {
        flying = false
        for (const { stored } of taken) stored()
        setImmediate(leave)
      },
      (error: Error) => {
        for (const { failed } of taken) failed(error)
      },
    )
  }
  const publish = (count: number): Promise<void> =>
    fly(
      count,
      (at) =>
        new Promise<void>((stored, failed) => {
          waiting.push({ key: Buffer.from(`o-${at % 1_000}`), value: Buffer.from(payload), stored, failed })
          if (waiting.length === 1) setImmediate(leave)
        }),
    )
  let total = 0
  return {
    async publish(count) {
      total += count
      await publish(count)
    },
    async through(count) {
      total += count
      const all = new Promise<void>((resolve) => (reached = resolve))
      expected = total
      await publish(count)
      if (heard < expected) await all
    },
    async close() {
      await stream.close()
      await consumer.close()
      await producer.close()
    },
  }
}

/** Makes so many calls, as many at a time as may fly. */
async function fly(count: number, call: (at: number) => Promise<void>): Promise<void> {
  let next = 0
  const one = async (): Promise<void> => {
    while (next < count) await call(next++)
  }
  await Promise.all(Array.from({ length: flying }, one))
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN
}

function rate(perMs: number): string {
  return `${(perMs).toFixed(1)}k/s`
}
