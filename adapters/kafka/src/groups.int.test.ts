import { eventually } from '@tidings/conformance'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { without } from '../../../tools/servers/index.ts'
import { eventOf } from '../tests/events.ts'
import { type KafkaWorld, kafkaWorld } from '../tests/kafka-world.ts'
import { Listener } from '../tests/listener.ts'

const patience = { deadline: 15_000 }

describe('groups', without('kafka'), () => {
  let world: KafkaWorld
  beforeEach(async () => {
    world = await kafkaWorld()
    await world.make(['order', 'customer'])
  })
  afterEach(() => world.end())

  it('share each topic evenly, and the whole', async () => {
    const listeners = [new Listener(), new Listener(), new Listener()]
    for (const listener of listeners) await listener.join(await world.connect(), { group: 'g' })
    await eventually(() => {
      const sizes = listeners.map(({ owned }) => owned.size).sort((a, b) => a - b)
      expect(sizes).toEqual([2, 3, 3])
    }, patience)
    const events = Array.from({ length: 60 }, (_, at) =>
      eventOf({ category: at % 2 === 0 ? 'order' : 'customer', key: `k-${at}` }),
    )
    await (await world.connect()).publish(events)
    await eventually(() => expect(listeners.flatMap(({ got }) => got)).toHaveLength(60), patience)
    for (const { got } of listeners)
      expect(new Set(got.map(({ record }) => record?.category))).toEqual(new Set(['order', 'customer']))
    expect(listeners.flatMap(({ offences }) => offences)).toEqual([])
  })

  it('do not let in who keeps what it hears in another store, and let it in when nobody of the others lives', async () => {
    const options = { group: 'g', topics: ['order'] }
    const here = await new Listener().join(await world.connect(), { ...options, store: 'here' })
    await eventually(() => here.owned.size === 4, patience)
    const stranger = new Listener()
    await expect((await world.connect()).subscribe({ ...options, store: 'elsewhere' }, stranger)).rejects.toMatchObject(
      { code: 'TIDINGS_GROUP_SPLIT' },
    )
    expect(stranger.told).toEqual([])
    // Who does not say where, and who says the same, belongs to them.
    const quiet = await new Listener().join(await world.connect(), options)
    const same = await new Listener().join(await world.connect(), { ...options, store: 'here' })
    await eventually(() => {
      expect([here, quiet, same].map(({ owned }) => owned.size).sort((a, b) => a - b)).toEqual([1, 1, 2])
    }, patience)
    for (const { consumer } of [here, quiet, same]) await consumer?.close()
    const heir = await new Listener().join(await world.connect(), { ...options, store: 'elsewhere' })
    await eventually(() => heir.owned.size === 4, patience)
  })

  it('that are exclusive for some and not for others are told apart', async () => {
    await new Listener().join(await world.connect(), { group: 'g', topics: ['order'] })
    const joining = (await world.connect()).subscribe(
      { group: 'g', topics: ['order'], exclusive: true },
      new Listener(),
    )
    await expect(joining).rejects.toMatchObject({ code: 'TIDINGS_CONFLICT' })
  })

  it('are told with the name of the option where the broker does not allow their session', async () => {
    const transport = await world.connect({ sessionTimeout: 200, heartbeatInterval: 50 })
    await expect(transport.subscribe({ group: 'g', topics: ['order'] }, new Listener())).rejects.toMatchObject({
      code: 'TIDINGS_INVALID_OPTION',
      message: expect.stringContaining('`sessionTimeout`') as string,
    })
  })

  it('go on with what they have while one member takes its time to let go', async () => {
    const gate = Promise.withResolvers<void>()
    const slow = new Listener()
    slow.draining = () => gate.promise
    await slow.join(await world.connect(), { group: 'g', topics: ['order'] })
    await eventually(() => slow.owned.size === 4, patience)
    const fresh = await new Listener(slow.places).join(await world.connect(), { group: 'g', topics: ['order'] })
    await eventually(() => slow.told.some((told) => told.startsWith('revoked')), patience)
    // Longer than a session: it is alive all the same, and keeps what it has not let go of.
    const events = Array.from({ length: 40 }, (_, at) => eventOf({ key: `k-${at}` }))
    const publisher = await world.connect()
    const began = performance.now()
    await publisher.publish(events)
    await eventually(() => performance.now() - began > world.settings.sessionTimeout * 1.5, patience)
    expect(slow.told.some((told) => told.startsWith('lost'))).toBe(false)
    expect(fresh.owned.size).toBe(0)
    expect(slow.got.length).toBeGreaterThan(0)
    gate.resolve()
    await eventually(() => slow.owned.size === 2 && fresh.owned.size === 2, patience)
    await eventually(() => expect(new Set([...slow.ids, ...fresh.ids])).toHaveLength(40), patience)
    expect([...slow.offences, ...fresh.offences]).toEqual([])
  })

  it('refuse names that are none, and wrong values, before anybody is asked', async () => {
    const transport = await world.connect()
    const listener = await new Listener().join(transport, { group: 'g', topics: ['order'] })
    for (const [options, field] of [
      [{ group: '' }, 'group'],
      [{ group: 'x'.repeat(1_001) }, 'group'],
      [{ group: 'g', topics: [] }, 'topics'],
      [{ group: 'g', topics: [''] }, 'topics'],
      [{ group: 'g', start: 'middle' as 'end' }, 'start'],
    ] as const)
      await expect(transport.subscribe(options, new Listener())).rejects.toMatchObject({
        code: 'TIDINGS_INVALID_OPTION',
        details: { field },
      })
    for (const call of [
      () => listener.consumer?.request(-1),
      () => listener.consumer?.request(1.5),
      () => listener.consumer?.seek(-1, 0),
      () => listener.consumer?.seek(0, Number.NaN),
      () => listener.consumer?.done(0, -2),
    ])
      expect(call).toThrow(expect.objectContaining({ code: 'TIDINGS_INVALID_OPTION' }) as Error)
    const [delivery] = [{ partition: 0, offset: 1, stream: '', record: undefined }]
    expect(() => listener.consumer?.settle(delivery as never, 'done')).toThrow(
      expect.objectContaining({ code: 'TIDINGS_NOT_SUPPORTED' }) as Error,
    )
  })
})
