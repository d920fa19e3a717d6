import { afterEach, describe, expect, it } from 'vitest'

import {
  append,
  cleanUp,
  freshPrefix,
  needsRedis,
  open,
  record,
  removeKeys,
  withClient,
} from '../../tests/redis-world.ts'

afterEach(cleanUp)

const leap = 2 ** 32

describe('the server that wrote last', needsRedis, () => {
  it('is kept from the beginning, and is the same for all who come; a new store takes no leap', async () => {
    const prefix = freshPrefix()
    const [one, two] = [await open({ prefix }), await open({ prefix })]
    const positions = [await append(one, record()), await append(two, record()), await append(one, record())].flat()
    expect(positions).toEqual([1, 2, 3])
    const server = await withClient((client) => client.hGet(`{${prefix}}meta`, 'server'))
    expect(server).toMatch(/^[0-9a-f]{40} [0-9a-f]{40}$/)
  })

  it('is another, or unknown as in stores of before: positions leap once, however many come at once', async () => {
    const prefix = freshPrefix()
    const store = await open({ prefix })
    await append(store, record(), record())
    for (const server of ['another one', undefined]) {
      const [before = 0] = (await append(store, record())).slice(-1)
      await withClient(async (client) => {
        if (server === undefined) await client.hDel(`{${prefix}}meta`, 'server')
        else await client.hSet(`{${prefix}}meta`, 'server', server)
      })
      const stores = await Promise.all(Array.from({ length: 4 }, () => open({ prefix })))
      const positions = (await Promise.all(stores.map((each) => append(each, record()))))
        .flat()
        .toSorted((a, b) => a - b)
      const [first = 0] = positions
      expect(first).toBeGreaterThan(before + leap)
      expect(first).toBeLessThanOrEqual(before + 2 * leap)
      expect(positions).toEqual(positions.map((_, at) => first + at))
    }
    const { events, through } = await store.readAll({ after: 0, limit: 100 })
    expect(events).toHaveLength(12)
    expect(through).toBe(events.at(-1)?.position)
    expect(
      (await store.readStream({ tenant: '', category: 'order', key: 'o-1' })).map((event) => event.streamVersion),
    ).toEqual(events.map((_, at) => at + 1))
  })

  it('cannot be told while there is no room for a leap: nothing is committed, reading works', async () => {
    const prefix = freshPrefix()
    const store = await open({ prefix })
    await append(store, record())
    const meta = { server: 'another one', position: String(Number.MAX_SAFE_INTEGER - leap) }
    await withClient((client) => client.hSet(`{${prefix}}meta`, meta))
    const late = await open({ prefix })
    await expect(late.commit([{ append: [record()] }])).rejects.toThrow('Looking which server this is')
    expect((await late.readAll({ after: 0, limit: 10 })).events).toHaveLength(1)
  })

  it('is not noted where the store is gone', async () => {
    const prefix = freshPrefix()
    const store = await open({ prefix })
    await append(store, record())
    await removeKeys(`{${prefix}}*`)
    await expect(store.commit([{ append: [record()] }])).rejects.toMatchObject({ details: { redis: 'GONE' } })
    for (const types of [undefined, [], ['order.placed']])
      await expect(store.readAll({ after: 0, limit: 10, ...(types && { types }) })).rejects.toMatchObject({
        code: 'TIDINGS_STORE_CORRUPT',
        details: { redis: 'GONE' },
      })
    await expect(store.readAll({ after: 0, limit: 10, partitions: [0] })).rejects.toMatchObject({
      details: { redis: 'GONE' },
    })
    expect(await withClient((client) => client.keys(`{${prefix}}*`))).toEqual([])
  })
})
