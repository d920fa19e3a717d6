import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import { eventually } from '@tidings/conformance'
import type { EventRecord, Transport } from 'tidings/spi'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { canStartOwn, type OwnServer, startOwn, without } from '../../../tools/servers/index.ts'
import { eventOf } from '../tests/events.ts'
import { type KafkaWorld, kafkaWorld } from '../tests/kafka-world.ts'
import { Listener } from '../tests/listener.ts'

await canStartOwn('kafka')

const closingProcess = fileURLToPath(new URL('../tests/closing-process.ts', import.meta.url))
const patience = { deadline: 40_000 }

/** Publishes like a relay: each stream has one event on its way, and what has no certain outcome is sent again. */
class Relay {
  readonly acknowledged: EventRecord[] = []
  readonly done: Promise<void>
  readonly unknown: string[] = []
  #stopping = false

  constructor(transports: readonly Transport[], streams: number) {
    const one = async (key: string, transport: Transport): Promise<void> => {
      for (let at = 0; !this.#stopping; at++) {
        const event = eventOf({ key, data: `{"at":${at}}` })
        for (;;) {
          const [outcome] = await transport.publish([event], AbortSignal.timeout(4_000))
          if (outcome?.status === 'stored') break
          if (outcome?.status === 'refused') throw outcome.error
          this.unknown.push(event.id)
        }
        this.acknowledged.push(event)
      }
    }
    this.done = Promise.all(
      Array.from({ length: streams }, (_, at) => one(`s-${at}`, transports[at % transports.length] as Transport)),
    ).then(() => {})
  }

  stop(): Promise<void> {
    this.#stopping = true
    return this.done
  }
}

/** The numbers of each stream's events in the order in which they came first. */
function firstHeard(listeners: readonly Listener[]): Map<string, number[]> {
  const seen = new Set<string>()
  const heard = new Map<string, number[]>()
  for (const { record } of listeners.flatMap(({ got }) => got)) {
    if (record === undefined || seen.has(record.id)) continue
    seen.add(record.id)
    const { at } = JSON.parse(String(record.data)) as { at: number }
    heard.set(record.key, [...(heard.get(record.key) ?? []), at])
  }
  return heard
}

describe('when the broker goes', without('kafka'), () => {
  let server: OwnServer
  let world: KafkaWorld
  beforeAll(async () => {
    server = await startOwn('kafka')
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    world = await kafkaWorld(server.url)
    await world.make(['order'])
  })
  afterEach(() => world.end())

  it('nothing acknowledged is lost and each stream keeps its order, over a kill and a restart under load', async () => {
    const publishers = [await world.connect(), await world.connect()]
    const reader = await new Listener().join(await world.connect(), { group: 'reader', topics: ['order'] })
    const relay = new Relay(publishers, 40)
    await eventually(() => relay.acknowledged.length > 500, patience)
    await server.kill()
    const before = relay.acknowledged.length
    await server.start()
    await eventually(() => relay.acknowledged.length > before + 500, patience)
    await relay.stop()
    await eventually(() => {
      const known = new Set(reader.ids)
      const missing = relay.acknowledged.filter(({ id }) => !known.has(id))
      expect(missing.length).toBe(0)
    }, patience)
    for (const [stream, numbers] of firstHeard([reader])) expect(numbers, stream).toEqual(Array.from(numbers.keys()))
    // The producer's numbers let the broker drop what it had: only what was given up and sent anew may come twice.
    const twice = reader.ids.length - new Set(reader.ids).size
    expect(twice).toBeLessThanOrEqual(relay.unknown.length)
    expect(reader.offences).toEqual([])
  }, 120_000)

  it('members that share go on sharing after a restart, and one takes over when the other is gone', async () => {
    const places = new Map<number, number>()
    const transports = [await world.open(), await world.open()]
    const listeners: Listener[] = []
    for (const { transport } of transports)
      listeners.push(await new Listener(places).join(transport, { group: 'pair', topics: ['order'] }))
    const [one, two] = listeners as [Listener, Listener]
    await eventually(() => one.owned.size === 2 && two.owned.size === 2, patience)
    const publisher = await world.connect()
    const relay = new Relay([publisher], 20)
    await eventually(() => relay.acknowledged.length > 200, patience)
    await server.kill()
    await server.start()
    await eventually(() => one.owned.size === 2 && two.owned.size === 2, patience)
    const shared = relay.acknowledged.length
    await eventually(() => relay.acknowledged.length > shared + 200, patience)
    transports[1]?.abandon()
    await eventually(() => one.owned.size === 4, patience)
    await relay.stop()
    await eventually(() => {
      const known = new Set([...one.ids, ...two.ids])
      expect(relay.acknowledged.filter(({ id }) => !known.has(id)).length).toBe(0)
    }, patience)
    expect([...one.offences, ...two.offences]).toEqual([])
  }, 120_000)

  it('a member that hears nothing of its group says that its partitions are lost, and comes back by itself', async () => {
    const listener = await new Listener().join(await world.connect({ requestTimeout: 2_000 }), {
      group: 'alone',
      topics: ['order'],
    })
    await eventually(() => listener.owned.size === 4, patience)
    await server.pause()
    try {
      await eventually(() => listener.told.at(-1) === 'lost 4', patience)
      expect(listener.owned.size).toBe(0)
    } finally {
      await server.resume()
    }
    await eventually(() => listener.owned.size === 4, patience)
    const event = eventOf()
    await (await world.connect()).publish([event])
    await eventually(() => listener.ids.includes(event.id), patience)
    expect(listener.offences).toEqual([])
  }, 60_000)

  it.for(['dead', 'silent', 'well'] as const)(
    'everything closes within seconds while the broker is %s, and nothing keeps the process alive',
    { timeout: 60_000 },
    async (how) => {
      const child = spawn(process.execPath, ['--conditions=source', closingProcess, server.url, world.settings.prefix])
      let out = ''
      let errors = ''
      child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
      child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
      const ended = once(child, 'close')
      await eventually(() => expect(`${out}${errors}`).toContain('ready'), patience)
      if (how === 'dead') await server.kill()
      if (how === 'silent') await server.pause()
      const began = performance.now()
      try {
        child.stdin.write('close')
        await eventually(() => expect(child.exitCode).toBe(0), patience)
        await ended
        expect(performance.now() - began).toBeLessThan(4_000)
      } finally {
        child.kill('SIGKILL')
        if (how === 'dead') await server.start()
        if (how === 'silent') await server.resume()
      }
      expect(errors).toBe('')
      expect(JSON.parse(out.slice('ready'.length))).toMatchObject({
        published: how === 'well' ? 'stored' : 'unknown',
        joined: 'TIDINGS_CLOSED',
        told: ['assigned 4', 'revoked 4'],
        owned: 0,
      })
    },
  )

  it('to open fails with what to look at, and to publish ends when its patience does', async () => {
    const transport = await world.connect({ deliveryTimeout: 1_500 })
    expect(await transport.publish([eventOf()])).toEqual([{ status: 'stored' }])
    await server.kill()
    try {
      await expect(world.connect({ connectTimeout: 300 })).rejects.toMatchObject({ code: 'TIDINGS_BROKER_UNAVAILABLE' })
      const batch = [eventOf(), eventOf(), eventOf({ category: 'never-opened' })]
      for (const outcome of await transport.publish(batch))
        expect(outcome).toMatchObject({ status: 'unknown', error: { code: 'TIDINGS_BROKER_UNAVAILABLE' } })
    } finally {
      await server.start()
    }
    await eventually(async () => expect((await transport.publish([eventOf()]))[0]?.status).toBe('stored'), patience)
  }, 60_000)
})
