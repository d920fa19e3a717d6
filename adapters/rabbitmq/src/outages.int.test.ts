import { eventually } from '@tidings/conformance'
import type { Delivery } from 'tidings/spi'
import { afterEach, describe, expect, it } from 'vitest'

import { canStartOwn, type OwnServer, startOwn, without } from '../../../tools/servers/index.ts'
import { event } from '../tests/events.ts'
import { firstByKey, listen } from '../tests/listener.ts'
import { type RabbitmqWorld, rabbitmqWorld } from '../tests/rabbitmq-world.ts'
import { type SteadyLoad, steadyLoad } from '../tests/steady-load.ts'

const can = await canStartOwn('rabbitmq')
const long = { deadline: 60_000 }

let world: RabbitmqWorld | undefined
let server: OwnServer | undefined
afterEach(async () => {
  await world?.end()
  await server?.stop()
  world = undefined
  server = undefined
})

/** Everything that was confirmed was heard, and each stream in its order. */
async function checkBooks(load: SteadyLoad, deliveries: readonly Delivery[]): Promise<void> {
  await eventually(() => {
    const heard = new Set(deliveries.map(({ record }) => record?.id))
    const missing = [...load.stored.values()].flat().filter((id) => !heard.has(id)).length
    if (missing > 0) throw new Error(`${missing} of ${load.count} confirmed events were not heard.`)
  }, long)
  const heard = firstByKey(deliveries)
  for (const [key, ids] of load.stored) expect(heard.get(key), `order of stream ${key}`).toEqual(ids)
}

describe('RabbitMQ that dies', can ? {} : without('rabbitmq'), () => {
  it('is killed as soon as a group has its queues: each keeps what was confirmed, and takes more', async () => {
    server = await startOwn('rabbitmq')
    world = rabbitmqWorld(server.url)
    const [reading, writing] = [await world.open(), await world.open({ publishTimeout: 30_000 })]
    const silent = await listen(reading, { handle: () => {} })
    // Enough streams for every partition.
    const before = Array.from({ length: 60 }, (_, at) => event({ key: `k-${at}` }))
    const after = before.map(({ key }) => event({ key }))
    const stored = before.map(() => ({ status: 'stored' }))
    expect(await writing.publish(before)).toEqual(stored)
    await server.kill()
    await server.start()
    expect(await writing.publish(after)).toEqual(stored)
    await silent.consumer.close()
    const { deliveries } = await listen(await world.open())
    await eventually(() => {
      const heard = new Set(deliveries.map(({ record }) => record?.id))
      expect([...before, ...after].filter(({ id }) => !heard.has(id))).toEqual([])
    }, long)
  }, 180_000)

  it('is killed twice under load: nothing confirmed is lost, and every stream keeps its order', async () => {
    server = await startOwn('rabbitmq')
    world = rabbitmqWorld(server.url)
    const all: Delivery[] = []
    const members = [await world.open(), await world.open()]
    for (const transport of members) {
      await listen(transport, {
        handle(delivery, { consumer }) {
          all.push(delivery)
          setTimeout(() => consumer.settle(delivery, 'done'), 5)
        },
      })
    }
    const load = steadyLoad(await world.open())
    for (let round = 1; round <= 2; round++) {
      const before = load.count
      await eventually(() => load.count > before + 600, long)
      await server.kill()
      await server.start()
      const after = load.count
      await eventually(() => load.count > after + 300, long)
    }
    await load.stop()
    expect(load.unknown).toBeGreaterThan(0)
    await checkBooks(load, all)
  }, 180_000)
})

describe('connections that break', without('rabbitmq'), () => {
  it('come back under load: nothing confirmed is lost, and every stream keeps its order', async () => {
    world = rabbitmqWorld()
    const all: Delivery[] = []
    const members = [await world.openMortal(), await world.openMortal()]
    for (const { transport } of members) {
      await listen(transport, {
        handle(delivery, { consumer }) {
          all.push(delivery)
          setTimeout(() => consumer.settle(delivery, 'done'), 5)
        },
      })
    }
    const publisher = await world.openMortal()
    const load = steadyLoad(publisher.transport)
    const ways = [members[0], publisher, members[1], publisher, members[0], members[1]] as const
    for (const way of ways) {
      const before = load.count
      await eventually(() => load.count > before + 300, long)
      way?.proxy.shake()
    }
    await load.stop()
    await checkBooks(load, all)
  }, 60_000)

  it('end with `close` within seconds when the server is gone', async () => {
    world = rabbitmqWorld()
    const { transport, proxy } = await world.openMortal()
    const member = await listen(transport, { handle: () => {} })
    await transport.publish([event()])
    await eventually(() => member.deliveries.length === 1, long)
    proxy.cut()
    const flying = transport.publish([event()])
    const began = performance.now()
    await transport.close()
    expect(performance.now() - began).toBeLessThan(5_000)
    expect(await flying).toMatchObject([{ status: 'unknown', error: { code: 'TIDINGS_BROKER_UNAVAILABLE' } }])
    expect(member.owned.size).toBe(0)
    expect(member.told).not.toContain('ended')
  })
})
