import { eventually } from '@tidings/conformance'
import type { Delivery, EventRecord } from 'tidings/spi'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { without } from '../../../tools/servers/index.ts'
import { event } from '../tests/events.ts'
import { firstByKey, type Listener, listen } from '../tests/listener.ts'
import { type RabbitmqWorld, rabbitmqWorld } from '../tests/rabbitmq-world.ts'
import { steadyLoad } from '../tests/steady-load.ts'
import { groupNamesOf } from './topology/names.ts'

const soon = { deadline: 15_000 }
/** One of each partition and more. */
const many = (): EventRecord[] => Array.from({ length: 100 }, (_, at) => event({ key: `k-${at}` }))
const heardBy = (...listeners: Listener[]): Set<string | undefined> =>
  new Set(listeners.flatMap(({ deliveries }) => deliveries.map(({ record }) => record?.id)))

describe('members of a group', without('rabbitmq'), () => {
  let world: RabbitmqWorld
  beforeEach(() => {
    world = rabbitmqWorld()
  })
  afterEach(() => world.end())

  const all = async (written: readonly EventRecord[], ...listeners: Listener[]): Promise<void> =>
    eventually(() => {
      const heard = heardBy(...listeners)
      return written.every(({ id }) => heard.has(id))
    }, soon)

  it('share evenly from the first event on, take over from who died, and make room for who comes', async () => {
    const mortal = await world.openMortal()
    const transports = [await world.open(), await world.open(), mortal.transport]
    const members: Listener[] = []
    for (const transport of transports) members.push(await listen(transport))
    const [a, b, c] = members as [Listener, Listener, Listener]
    const publisher = await world.open()
    const shares = (): number[] => members.map(({ owned }) => owned.size)

    const first = many()
    await publisher.publish(first)
    await all(first, ...members)
    expect(shares().toSorted((one, other) => one - other)).toEqual([2, 3, 3])
    expect(a.told.filter((told) => told.startsWith('revoked'))).toEqual([])

    mortal.proxy.cut()
    await eventually(() => c.owned.size === 0, soon)
    const second = many()
    await publisher.publish(second)
    await all(second, a, b)
    await eventually(async () => {
      await publisher.publish(many())
      expect([a.owned.size, b.owned.size]).toEqual([4, 4])
    }, soon)

    const d = await listen(await world.open())
    const third = many()
    await publisher.publish(third)
    await all(third, a, b, d)
    expect([a, b, d].map(({ owned }) => owned.size).toSorted((one, other) => one - other)).toEqual([2, 3, 3])
  })

  it('hand over in order while they come and go under load, and lose nothing', async () => {
    const heard: Delivery[] = []
    const handle = (delivery: Delivery, { consumer }: Listener): void => {
      heard.push(delivery)
      setTimeout(() => consumer.settle(delivery, 'done'), 2)
    }
    const members = [await listen(await world.open(), { handle }), await listen(await world.open(), { handle })]
    const load = steadyLoad(await world.open(), 30)
    for (let round = 0; round < 6; round++) {
      const before = load.count
      await eventually(() => load.count > before + 200, soon)
      if (round % 2 === 0) members.push(await listen(await world.open(), { handle }))
      else await members.shift()?.consumer.close()
    }
    await load.stop()
    const ids = [...load.stored.values()].flat()
    await eventually(() => {
      const known = new Set(heard.map(({ record }) => record?.id))
      return ids.every((id) => known.has(id))
    }, soon)
    const byKey = firstByKey(heard)
    for (const [key, stored] of load.stored) expect(byKey.get(key), `order of stream ${key}`).toEqual(stored)
  })

  it('that work strictly one after another leave everything to one, and the next takes all of it over', async () => {
    const [first, second] = [
      await listen(await world.open(), { exclusive: true }),
      await listen(await world.open(), { exclusive: true }),
    ]
    const publisher = await world.open()
    const before = many()
    await publisher.publish(before)
    await all(before, first)
    expect([first.owned.size, second.owned.size]).toEqual([8, 0])
    await first.consumer.close()
    const after = many()
    await publisher.publish(after)
    await all(after, second)
    expect(second.owned.size).toBe(8)
  })

  it('add their topics to those of a group that is at work', async () => {
    const old = await listen(await world.open(), { topics: ['order'] })
    const fresh = await listen(await world.open(), { topics: ['order', 'customer'] })
    const written = many().map((one, at) => (at % 2 === 0 ? one : event({ category: 'customer', key: `c-${at}` })))
    await (await world.open()).publish(written)
    await all(written, old, fresh)
  })

  it('come back when an operator has deleted their queues', async () => {
    const member = await listen(await world.open())
    const publisher = await world.open()
    const channel = await world.client().acquire()
    for (const queue of groupNamesOf(world.prefix, 'group', 8).queues) await channel.queueDelete({ queue })
    await eventually(async () => {
      const written = many()
      await publisher.publish(written)
      await eventually(() => written.every(({ id }) => heardBy(member).has(id)), { deadline: 1_000 })
    }, soon)
    expect(member.told).not.toContain('ended')
  })

  it('end where the queues of their group are of another make', async () => {
    const names = groupNamesOf(world.prefix, 'group', 8)
    const transport = await world.open()
    const channel = await world.client().acquire()
    await channel.queueDeclare({ queue: names.queues[5] as string, durable: true })
    await expect(listen(transport)).rejects.toMatchObject({ code: 'TIDINGS_INVALID_OPTION' })
    await channel.queueDelete({ queue: names.queues[5] as string })
    await listen(transport)
  })

  it('ignore what strangers say on the exchange of the groups', async () => {
    const member = await listen(await world.open())
    const channel = await world.client().acquire()
    const from = { id: '00000000-0000-7000-8000-000000000000', since: 1 }
    const said = ['', '{', '[]', 'null', '{"kind":"want"}', JSON.stringify({ kind: 'want', from, partitions: ['1'] })]
    for (const text of said)
      await channel.basicPublish({ exchange: `${world.prefix}groups`, routingKey: 'group' }, Buffer.from(text))
    const written = many()
    await (await world.open()).publish(written)
    await all(written, member)
    expect(member.owned.size).toBe(8)
  })
})
