import { eventually } from '@tidings/conformance'
import { type Host, streamText, type Transport } from 'tidings/spi'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { canStartOwn, type OwnServer, startOwn, without } from '../../../tools/servers/index.ts'
import { eventOf } from '../tests/events.ts'
import { Listener } from '../tests/listener.ts'
import { countingRuntime, freshPrefix, open, removeStreams } from '../tests/nats-world.ts'
import { Relay } from '../tests/relay.ts'
import type { NatsOptions } from './nats-options.ts'
import type { OpenedNats } from './open-nats.ts'

await canStartOwn('nats')

const patience = { deadline: 30_000 }

describe('when the server goes', without('nats'), () => {
  let server: OwnServer
  let prefix: string
  let opened: OpenedNats[] = []
  const unhandled: unknown[] = []
  const note = (reason: unknown): void => void unhandled.push(reason)
  const connect = async (options: Partial<NatsOptions> = {}, host: Partial<Host> = {}): Promise<OpenedNats> => {
    const one = await open(server.url, { prefix, ...options }, host)
    opened.push(one)
    return one
  }
  const transport = async (options: Partial<NatsOptions> = {}): Promise<Transport> => (await connect(options)).transport

  beforeAll(async () => {
    process.on('unhandledRejection', note)
    server = await startOwn('nats')
  })
  afterAll(async () => {
    await server.stop()
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
  })
  beforeEach(() => {
    prefix = freshPrefix()
  })
  afterEach(async () => {
    for (const one of opened) await one.transport.close()
    opened = []
  })

  it('loses nothing acknowledged and keeps the order of each stream, over kills and restarts under load', async () => {
    const listener = await new Listener().join(await transport())
    const relay = new Relay(await transport({ timeout: 1_000 }), 30, 4)
    for (let round = 0; round < 3; round++) {
      const before = relay.count
      await eventually(() => relay.count > before + 500, patience)
      await server.kill()
      await server.start()
    }
    const before = relay.count
    await eventually(() => relay.count > before + 500, patience)
    await relay.stop()
    expect(relay.unknown.length).toBeGreaterThan(0)
    const acknowledged = [...relay.acknowledged.values()].flat()
    await eventually(() => {
      const known = new Set(listener.ids)
      expect(acknowledged.filter(({ id }) => !known.has(id)).length).toBe(0)
    }, patience)
    for (const [key, events] of relay.acknowledged) {
      const stream = streamText(eventOf({ key }))
      const heard = new Set(listener.got.filter((one) => one.stream === stream).map(({ record }) => record?.id))
      expect([...heard], key).toEqual(events.map(({ id }) => id))
    }
    // The server knows again what was sent twice, also after its restart.
    expect(new Set(listener.got.map(({ offset }) => offset)).size).toBe(acknowledged.length)
    expect(listener.cause).toBeUndefined()
  }, 120_000)

  it('members go on sharing after a restart, and one takes over when the other is gone', async () => {
    const progress = new Map<number, number>()
    const [first, second] = [await connect(), await connect()]
    const one = await new Listener(progress).join(first.transport, { group: 'pair' })
    const two = await new Listener(progress).join(second.transport, { group: 'pair' })
    const shared = (): boolean => one.owned.size === 4 && two.owned.size === 4
    await eventually(shared, patience)
    const relay = new Relay(await transport({ timeout: 1_000 }), 20, 1)
    await eventually(() => relay.count > 200, patience)
    await server.kill()
    await server.start()
    await eventually(shared, patience)
    const before = relay.count
    await eventually(() => relay.count > before + 200, patience)
    await second.abandon()
    opened = opened.filter((each) => each !== second)
    const deaf = two.got.length
    await eventually(() => one.owned.size === 8, patience)
    await relay.stop()
    await eventually(() => {
      const known = new Set([...one.ids, ...two.ids])
      expect([...relay.acknowledged.values()].flat().filter(({ id }) => !known.has(id)).length).toBe(0)
    }, patience)
    expect(two.got.length).toBe(deaf)
  }, 120_000)

  it.for(['dead', 'silent'] as const)(
    'closes within seconds while the server is %s, and leaves nothing behind',
    { timeout: 60_000 },
    async (how) => {
      const quiet = sockets()
      const { runtime, timers } = countingRuntime()
      const one = (await connect({}, { runtime })).transport
      const listener = await new Listener().join(one)
      await one.publish([eventOf()])
      await eventually(() => listener.got.length > 0, patience)
      await (how === 'dead' ? server.kill() : server.pause())
      try {
        const hanging = one.publish([eventOf({ key: 'hanging' })])
        const joining = one.subscribe({ group: 'late' }, new Listener()).then(
          () => 'joined',
          (error: { code: string }) => error.code,
        )
        const began = performance.now()
        await one.close()
        expect(performance.now() - began).toBeLessThan(6_000)
        expect(await hanging).toEqual([expect.objectContaining({ status: 'unknown' })])
        expect(['TIDINGS_CLOSED', 'TIDINGS_BROKER_UNAVAILABLE']).toContain(await joining)
        expect(listener.owned.size).toBe(0)
        expect(listener.cause).toBeUndefined()
        expect(timers.size).toBe(0)
        await eventually(() => expect(sockets()).toBeLessThanOrEqual(quiet), patience)
      } finally {
        await (how === 'dead' ? server.start() : server.resume())
      }
    },
  )

  it('goes on after the server was silent for longer than its pings allow', async () => {
    const one = await transport({ pingInterval: 200, timeout: 500 })
    const listener = await new Listener().join(one)
    await server.pause()
    try {
      const [outcome] = await one.publish([eventOf({ key: 'k-1' })])
      expect(outcome).toMatchObject({ status: 'unknown', error: { code: 'TIDINGS_BROKER_UNAVAILABLE' } })
    } finally {
      await server.resume()
    }
    const event = eventOf({ key: 'k-2' })
    await eventually(async () => expect((await one.publish([event]))[0]?.status).toBe('stored'), patience)
    await eventually(() => expect(listener.ids).toContain(event.id), patience)
  }, 60_000)

  it('says while it is away that nobody can be reached, and what to look at', async () => {
    const one = await transport({ timeout: 500 })
    await server.kill()
    try {
      await expect(connect({ user: 'shop', password: 'hunter2' })).rejects.toMatchObject({
        code: 'TIDINGS_BROKER_UNAVAILABLE',
        message: expect.stringContaining(new URL(server.url).host) as string,
      })
      const batch = [eventOf(), eventOf({ key: 'other' }), eventOf()]
      for (const outcome of await one.publish(batch))
        expect(outcome).toMatchObject({ status: 'unknown', error: { code: 'TIDINGS_BROKER_UNAVAILABLE' } })
      await expect(one.subscribe({ group: 'late' }, new Listener())).rejects.toMatchObject({
        code: 'TIDINGS_BROKER_UNAVAILABLE',
      })
    } finally {
      await server.start()
    }
    await eventually(async () => expect((await one.publish([eventOf()]))[0]?.status).toBe('stored'), patience)
  }, 60_000)

  it('makes a stream again that somebody has deleted; readers are ended and begin anew', async () => {
    const one = await transport()
    const { log } = one.capabilities
    expect(log).toMatch(/./)
    expect((await transport()).capabilities.log).toBe(log)
    const listener = await new Listener().join(one)
    await eventually(() => listener.owned.size === 8, patience)
    for (let at = 0; at < 5; at++) await one.publish([eventOf({ key: 'k-1' })])
    await eventually(() => listener.got.length === 5, patience)
    await removeStreams(server.url, prefix)
    await eventually(
      async () => expect((await one.publish([eventOf({ key: 'k-1' })]))[0]?.status).toBe('stored'),
      patience,
    )
    await eventually(() => expect(listener.cause).toMatchObject({ code: 'TIDINGS_BROKER_UNAVAILABLE' }), patience)
    const again = new Listener(listener.progress)
    await eventually(async () => again.join(one), patience)
    expect(one.capabilities.log).not.toBe(log)
    await eventually(() => expect(again.got.length).toBeGreaterThan(0), patience)
    // The offsets it knew mean nothing any more, and it is told.
    const partition = listener.got[0]?.partition as number
    expect(again.scans).toContainEqual([partition, 0])
    expect(again.got[0]?.offset).toBe(1)
  }, 60_000)
})

/** Sockets of this process; those of the test runner included. */
function sockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind.startsWith('TCP')).length
}
