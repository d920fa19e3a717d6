/**
 * How close the transport comes to the vendor's own client, on this machine and the shared broker:
 * `node --conditions=source adapters/kafka/bench/hot-path.ts`. Rounds of both alternate in one process, so that whatever else the machine
 * does falls on both; what counts is the ratio. Arguments: rounds, events of a round, `ours` or `raw` for one side alone, and `cpu` to count
 * this process's processor time instead of time, for machines that are busy with something else.
 *
 * - publish: 256 calls at a time, each the next as soon as it is answered; the raw client coalesces them in the same way: what is ready
 *   leaves in one call while the one before is on its way, idempotent and with acks of all, a key and 400 bytes of data, no headers.
 * - through: the same, until every event was delivered; the raw consumer parses each as JSON.
 */
import { setTimeout as pause } from 'node:timers/promises'

import type { EventRecord } from 'tidings/spi'

import { eventOf } from '../tests/events.ts'
import { bootstrap, type KafkaWorld, kafkaWorld } from '../tests/kafka-world.ts'
import { Listener } from '../tests/listener.ts'

const flying = 256
const rounds = Number(process.argv[2] ?? 7)
const perRound = Number(process.argv[3] ?? 20_000)
const sidesAsked = (['ours', 'raw'] as const).filter((side) => !process.argv.includes(side === 'ours' ? 'raw' : 'ours'))
const cpu = process.argv.includes('cpu')
const payload = JSON.stringify({ orderId: 'o-1', total: 99.9, note: 'x'.repeat(400 - 43) })

interface Side {
  /** Makes the events, outside of what is measured. */
  prepare(count: number): void
  publish(at: number): Promise<void>
  /** Begins to read, and calls for each event. */
  listen(heard: () => void): Promise<void>
  close(): Promise<void>
}

const world = await kafkaWorld()
await world.make(['order', 'raw'], 4)
const sides = { ours: await ours(world), raw: await raw(world) }
try {
  await measure('publish', (side) => fly(side, perRound))
  const heard = new Map<Side, number>()
  for (const name of sidesAsked)
    await sides[name].listen(() => void heard.set(sides[name], (heard.get(sides[name]) ?? 0) + 1))
  for (const name of sidesAsked) while ((heard.get(sides[name]) ?? 0) < rounds * perRound) await pause(10)
  await measure('through', async (side) => {
    const expected = (heard.get(side) ?? 0) + perRound
    await fly(side, perRound)
    while ((heard.get(side) ?? 0) < expected) await new Promise((resolve) => setImmediate(resolve))
  })
  for (const side of Object.values(sides)) await side.close()
} finally {
  await world.end()
}

async function measure(what: string, run: (side: Side) => Promise<void>): Promise<void> {
  const times = { ours: [] as number[], raw: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? sidesAsked : sidesAsked.toReversed()) {
      const side = sides[name]
      side.prepare(perRound)
      const began = now()
      await run(side)
      times[name].push(now() - began)
    }
  }
  const [a, b] = [perRound / median(times.ours), perRound / median(times.raw)]
  process.stdout.write(`${what}: transport ${a.toFixed(1)}k/s, raw ${b.toFixed(1)}k/s, ratio ${(a / b).toFixed(2)}\n`)
}

async function ours(own: KafkaWorld): Promise<Side> {
  const [transport, reading] = [await own.connect(), await own.connect()]
  let events: EventRecord[] = []
  return {
    prepare(count) {
      events = Array.from({ length: count }, (_, at) => eventOf({ key: `o-${at % 1_000}`, data: payload }))
    },
    async publish(at) {
      const [outcome] = await transport.publish([events[at] as EventRecord])
      if (outcome?.status !== 'stored') throw new Error('It was not stored.')
    },
    async listen(heard) {
      const listener = new Listener()
      listener.handle = () => {
        listener.got.length = 0
        heard()
      }
      await listener.join(reading, { group: 'bench', topics: ['order'] }, 2_048)
    },
    async close() {
      await transport.close()
      await reading.close()
    },
  }
}

async function raw({ client, settings }: KafkaWorld): Promise<Side> {
  const topic = `${settings.prefix}raw`
  const common = { clientId: 'raw', bootstrapBrokers: [bootstrap], retryDelay: 50 }
  const producer = new client.Producer({ ...common, idempotent: true })
  const consumer = new client.Consumer({ ...common, groupId: `${settings.prefix}raw` })
  interface Waiting {
    readonly key: Buffer
    readonly value: Buffer
    readonly stored: () => void
    readonly failed: (error: Error) => void
  }
  let waiting: Waiting[] = []
  let sending = false
  const leave = (): void => {
    if (sending || waiting.length === 0) return
    sending = true
    const taken = waiting
    waiting = []
    producer.send({ messages: taken.map(({ key, value }) => ({ topic, key, value })), acks: -1 }).then(
      () => {
        sending = false
        for (const { stored } of taken) stored()
        setImmediate(leave)
      },
      (error: Error) => {
        for (const { failed } of taken) failed(error)
      },
    )
  }
  return {
    prepare() {},
    publish: (at) =>
      new Promise<void>((stored, failed) => {
        waiting.push({ key: Buffer.from(`o-${at % 1_000}`), value: Buffer.from(payload), stored, failed })
        if (waiting.length === 1) setImmediate(leave)
      }),
    async listen(heard) {
      const stream = await consumer.consume({
        topics: [topic],
        mode: 'earliest',
        autocommit: 1_000,
        maxWaitTime: 40,
        highWaterMark: 2_048,
      })
      stream.on('data', (message: { value: Buffer | null }) => {
        JSON.parse(String(message.value))
        heard()
      })
    },
    async close() {
      await consumer.close(true)
      await producer.close()
    },
  }
}

/** Publishes so many events, as many at a time as may fly. */
async function fly(side: Side, count: number): Promise<void> {
  let next = 0
  const one = async (): Promise<void> => {
    while (next < count) await side.publish(next++)
  }
  await Promise.all(Array.from({ length: flying }, one))
}

/** Milliseconds: of time, or of this process's processor time. */
function now(): number {
  const { user, system } = process.cpuUsage()
  return cpu ? (user + system) / 1_000 : performance.now()
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN
}
