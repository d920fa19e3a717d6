import { eventually } from '@tidings/conformance'
import { afterEach, describe, expect, it } from 'vitest'

import { type Proxied, proxied, serverUrl, without } from '../../../../tools/servers/index.ts'
import { allIds, append, atEnd, cleanUp, freshPrefix, hostOf, open, record, url } from '../../tests/redis-world.ts'
import { redisPubSub } from '../index.ts'

await serverUrl('toxiproxy')

afterEach(cleanUp)

const soon = { deadline: 20_000 }

async function through(): Promise<Proxied> {
  const proxy = await proxied(url as string)
  atEnd(() => proxy.close())
  return proxy
}

describe('a network that fails between a store and Redis', without('redis', 'toxiproxy'), () => {
  it('falls silent: commits under way end as unknown, and stand once, whatever became of them', async () => {
    const proxy = await through()
    const prefix = freshPrefix()
    const store = await open({ url: proxy.url, prefix, timeout: 1_000 })
    await append(store, record())
    await proxy.halfOpen()
    const units = Array.from({ length: 300 }, () => ({ append: [record()] }))
    await expect(store.commit(units)).rejects.toMatchObject({ code: 'TIDINGS_COMMIT_UNKNOWN' })
    await proxy.up()
    await eventually(async () => {
      const results = await store.commit(units)
      expect(results.every((result) => result.status === 'committed')).toBe(true)
    }, soon)
    const ids = await allIds(await open({ prefix }))
    expect(ids.slice(1)).toEqual(units.map((unit) => unit.append[0]?.id))
  })

  it('is cut and mended: whoever watches is woken, for there may be news', async () => {
    const proxy = await through()
    const prefix = freshPrefix()
    const [watching, writing] = [await open({ url: proxy.url, prefix, timeout: 1_000 }), await open({ prefix })]
    let wakes = 0
    const stop = watching.watch(() => void wakes++)
    await append(writing, record())
    await eventually(() => wakes > 0, soon)
    for (let round = 0; round < 2; round++) {
      await proxy.down()
      await append(writing, record())
      await eventually(async () => {
        await expect(watching.readAll({ after: 0, limit: 1 })).rejects.toMatchObject({
          code: 'TIDINGS_STORE_UNAVAILABLE',
        })
      }, soon)
      const before = wakes
      await proxy.up()
      await eventually(() => wakes > before, soon)
      await eventually(async () => expect((await allIds(watching)).length).toBe(2 + round), soon)
    }
    stop()
  })

  it('is slow: nothing fails, and the order of calls that do not wait for each other holds', async () => {
    const proxy = await through()
    const store = await open({ url: proxy.url, prefix: freshPrefix(), timeout: 5_000 })
    await proxy.latency(50)
    const written = Array.from({ length: 40 }, () => record())
    await Promise.all(written.map((one) => store.commit([{ append: [one] }])))
    expect(await allIds(store)).toEqual(written.map(({ id }) => id))
  })

  it('is cut under Pub/Sub: what is published meanwhile is missed and that is said, what comes later is heard', async () => {
    const proxy = await through()
    const said: string[] = []
    const host = hostOf(undefined, (level, message) => void said.push(`${level}: ${message}`))
    const options = { channelPrefix: `${freshPrefix()}:` }
    const there = await redisPubSub(`redis-pubsub${proxy.url.slice('redis'.length)}`, {
      ...options,
      timeout: 1_000,
    }).open(host)
    const here = await redisPubSub(`redis-pubsub${(url as string).slice('redis'.length)}`, options).open(hostOf())
    atEnd(() => Promise.all([there.close(), here.close()]))
    expect(said.join()).toContain('warn: Redis Pub/Sub delivers at most once')
    const heard: (string | undefined)[] = []
    const sink = {
      assigned: async () => [],
      revoked: async () => {},
      lost: () => {},
      scanned: () => {},
      ended: () => {},
      deliver: (deliveries: readonly { readonly record: { readonly id: string } | undefined }[]) =>
        void heard.push(...deliveries.map((delivery) => delivery.record?.id)),
    }
    const consumer = await there.subscribe({ group: 'g', topics: ['order'] }, sink)
    consumer.request(1_000)
    const [first, missed] = [record(), record()]
    await here.publish([first])
    await eventually(() => heard.includes(first.id), soon)
    await proxy.down()
    await eventually(() => said.some((line) => line.includes('is lost')), soon)
    expect(await here.publish([missed])).toEqual([{ status: 'stored' }])
    expect(await there.publish([record()])).toMatchObject([{ status: 'unknown' }])
    await proxy.up()
    await eventually(async () => {
      const last = record()
      await here.publish([last])
      await eventually(() => heard.includes(last.id), { deadline: 100 })
    }, soon)
    expect(heard).not.toContain(missed.id)
    expect(said.join()).toContain('is back')
  })
})
