/**
 * How close the transport comes to the client itself, on this machine and the shared broker:
 * `node --conditions=source adapters/rabbitmq/bench/hot-path.ts`. Rounds of both alternate in one process, so that whatever else the machine
 * does falls on both; what counts is the ratio. Arguments: rounds, events of a round, `ours` or `raw` for one side alone, and `cpu` to count
 * this process's processor time instead of time, for machines that are busy with something else.
 *
 * - publish: 256 calls at a time, each the next as soon as it is answered, persistent messages of 400 bytes with confirms, through a topic
 *   exchange to eight quorum queues. The raw side sends no headers but the content type, and lets events of one stream overtake.
 * - through: the same, until every event was delivered; the raw consumer has the client parse each as JSON, and acknowledges what came in one
 *   turn in one word.
 */
import type { Channel } from 'rabbitmq-client'
import { type EventRecord, partitionOf } from 'tidings/spi'

import { groupNamesOf } from '../src/topology/names.ts'
import { event } from '../tests/events.ts'
import { listen } from '../tests/listener.ts'
import { type RabbitmqWorld, rabbitmqWorld } from '../tests/rabbitmq-world.ts'

const flying = 256
const partitions = 8
const prefetch = 256
const rounds = Number(process.argv[2] ?? 5)
const perRound = Number(process.argv[3] ?? 10_000)
const asked = (['ours', 'raw'] as const).filter((side) => !process.argv.includes(side === 'ours' ? 'raw' : 'ours'))
const cpu = process.argv.includes('cpu')
const payload = JSON.stringify({ orderId: 'o-1', total: 99.9, note: 'x'.repeat(400 - 43) })

interface Side {
  /** Makes the events, outside of what is measured. */
  prepare(count: number): void
  publish(at: number): Promise<void>
  /** Begins to read, and calls for each event. */
  listen(heard: () => void): Promise<void>
  /** Empties the queues. */
  clear(): Promise<void>
  close(): Promise<void>
}

const world = rabbitmqWorld()
const sides = { ours: await ours(world), raw: await raw(world) }
try {
  await measure('publish', (side) => fly(side, perRound))
  const heard = new Map<Side, number>()
  for (const name of asked)
    await sides[name].listen(() => void heard.set(sides[name], (heard.get(sides[name]) ?? 0) + 1))
  await measure('through', async (side) => {
    const expected = (heard.get(side) ?? 0) + perRound
    await fly(side, perRound)
    while ((heard.get(side) ?? 0) < expected) await new Promise((resolve) => setImmediate(resolve))
  })
} finally {
  for (const side of Object.values(sides)) await side.close()
  await world.end()
}

async function measure(what: string, run: (side: Side) => Promise<void>): Promise<void> {
  const times = { ours: [] as number[], raw: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? asked : asked.toReversed()) {
      const side = sides[name]
      side.prepare(perRound)
      const began = now()
      await run(side)
      times[name].push(now() - began)
      if (what === 'publish') await side.clear()
    }
  }
  const [a, b] = [perRound / median(times.ours), perRound / median(times.raw)]
  process.stdout.write(`${what}: transport ${a.toFixed(1)}k/s, raw ${b.toFixed(1)}k/s, ratio ${(a / b).toFixed(2)}\n`)
}

async function ours(world: RabbitmqWorld): Promise<Side> {
  const [transport, reading] = [await world.open(), await world.open()]
  // The group's queues are there from now on.
  await (await listen(reading, { group: 'bench' })).consumer.close()
  const channel = await world.client().acquire()
  let events: EventRecord[] = []
  return {
    prepare(count) {
      events = Array.from({ length: count }, (_, at) => event({ key: `o-${at % 1_000}`, data: payload }))
    },
    async publish(at) {
      const [outcome] = await transport.publish([events[at] as EventRecord])
      if (outcome?.status !== 'stored') throw new Error('It was not stored.')
    },
    async listen(heard) {
      await listen(reading, {
        group: 'bench',
        request: 2_048,
        handle(delivery, { consumer, deliveries }) {
          deliveries.length = 0
          consumer.settle(delivery, 'done')
          heard()
        },
      })
    },
    async clear() {
      for (const queue of groupNamesOf(world.prefix, 'bench', partitions).queues) await channel.queuePurge({ queue })
    },
    async close() {
      await transport.close()
      await reading.close()
    },
  }
}

async function raw(world: RabbitmqWorld): Promise<Side> {
  const publishing = await world.client().acquire()
  const consuming = world.client()
  const exchange = `${world.prefix}raw`
  const queues = Array.from({ length: partitions }, (_, at) => `${world.prefix}raw.${at}`)
  await publishing.exchangeDeclare({ exchange, type: 'topic', durable: true })
  for (const [at, queue] of queues.entries()) {
    await publishing.queueDeclare({
      queue,
      durable: true,
      arguments: { 'x-queue-type': 'quorum', 'x-single-active-consumer': true },
    })
    await publishing.queueBind({ queue, exchange, routingKey: `${at}.#` })
  }
  await publishing.confirmSelect()
  return {
    prepare() {},
    publish: (at) =>
      publishing.basicPublish(
        {
          exchange,
          routingKey: `${partitionOf(`o-${at % 1_000}`, partitions)}.order`,
          durable: true,
          contentType: 'application/json',
        },
        Buffer.from(payload),
      ),
    async listen(heard) {
      for (const queue of queues) {
        const channel = await consuming.acquire()
        await channel.basicQos({ prefetchCount: prefetch })
        await channel.basicConsume({ queue }, acknowledging(channel, heard))
      }
    },
    async clear() {
      for (const queue of queues) await publishing.queuePurge({ queue })
    },
    async close() {
      for (const queue of queues) await publishing.queueDelete({ queue })
      await publishing.exchangeDelete({ exchange })
    },
  }
}

function acknowledging(channel: Channel, heard: () => void): (message: { deliveryTag: number }) => void {
  let last = 0
  return ({ deliveryTag }) => {
    if (last === 0) {
      setImmediate(() => {
        channel.basicAck({ deliveryTag: last, multiple: true })
        last = 0
      })
    }
    last = deliveryTag
    heard()
  }
}

async function fly(side: Side, count: number): Promise<void> {
  let next = 0
  const one = async (): Promise<void> => {
    while (next < count) await side.publish(next++)
  }
  await Promise.all(Array.from({ length: flying }, one))
}

function now(): number {
  if (!cpu) return performance.now()
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
