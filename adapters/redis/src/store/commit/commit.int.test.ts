import { eventually } from '@tidings/conformance'
import { isTidingsError } from 'tidings/spi'
import { afterEach, describe, expect, it } from 'vitest'

import {
  allIds,
  append,
  cleanUp,
  freshPrefix,
  hostOf,
  needsRedis,
  open,
  record,
  url,
  withClient,
} from '../../../tests/redis-world.ts'
import { redisTransport } from '../../index.ts'

afterEach(cleanUp)

const order = { tenant: '', category: 'order', key: 'o-1' }

describe('commits to Redis', needsRedis, () => {
  it('go on when the server forgets its scripts, in the middle of large commits too', async () => {
    const store = await open()
    const acknowledged: string[] = []
    let flushing = true
    const flush = withClient(async (client) => {
      while (flushing) await client.scriptFlush()
    })
    for (let round = 0; round < 20; round++) {
      // Several scripts a call, each after the one before it.
      const units = Array.from({ length: 250 }, () => ({ append: [record()] }))
      const results = await store.commit(units)
      expect(results.every((result) => result.status === 'committed' && !result.repeated)).toBe(true)
      acknowledged.push(...units.map((unit) => unit.append[0]?.id ?? ''))
    }
    flushing = false
    await flush
    expect(await allIds(store)).toEqual(acknowledged)
  })

  it('keep the order of a call whose units are many and large', async () => {
    const store = await open()
    const units = Array.from({ length: 700 }, (_, at) => ({
      append: [record({ key: `k-${at % 7}`, data: JSON.stringify('x'.repeat(at % 50 === 0 ? 600_000 : 10)) })],
    }))
    const results = await store.commit(units)
    const positions = results.flatMap((result) =>
      result.status === 'committed' ? result.events.map(({ position }) => position) : [],
    )
    expect(positions).toEqual(units.map((_, at) => at + 1))
    expect(await allIds(store)).toEqual(units.map((unit) => unit.append[0]?.id))
  })

  it('of many units may be under way side by side, as a relay sends them', async () => {
    const store = await open()
    const calls = Array.from({ length: 6 }, (_, call) =>
      Array.from({ length: 100 + call * 60 }, (__, at) => ({ append: [record({ key: `k-${call}-${at % 9}` })] })),
    )
    const results = await Promise.all(calls.map((units) => store.commit(units)))
    for (const [call, units] of calls.entries()) {
      expect(results[call]?.map(({ status }) => status)).toEqual(units.map(() => 'committed'))
      for (let stream = 0; stream < 9; stream++) {
        const events = await store.readStream({ tenant: '', category: 'order', key: `k-${call}-${stream}` })
        const expected = units.filter((_, at) => at % 9 === stream).map(({ append: [one] }) => one?.id)
        expect(events.map((event) => event.record.id)).toEqual(expected)
      }
    }
  })

  it('hold as many events in one unit as Lua has no room for on its stack', async () => {
    const store = await open()
    const appended = Array.from({ length: 12_000 }, (_, at) => record({ key: at % 2 === 0 ? 'one' : `k-${at}` }))
    const [result] = await store.commit([{ append: appended }])
    expect(result).toMatchObject({ status: 'committed' })
    expect(await store.readStream({ ...order, key: 'one' }, { from: 5_990, limit: 100 })).toHaveLength(11)
    expect(await store.commit([{ append: appended }])).toMatchObject([{ status: 'committed', repeated: true }])
  })

  it('refuse a unit that is too large or cannot be kept, and write its neighbours', async () => {
    const store = await open({ maxBytes: 2_048 })
    const results = await store.commit([
      { append: [record()] },
      { append: [record({ data: JSON.stringify('é'.repeat(2_000)) })] },
      { append: [record({ id: 'a\nb' })] },
      { append: [record({ key: 'a\u001fb' })] },
      { append: [record({ key: '\ud800' })] },
      { append: [record({ time: Number.NaN })] },
      { documents: [{ collection: 'c', id: 'd', put: '', index: { n: Number.NaN } }] },
      { append: [record()] },
    ])
    expect(
      results.map((one) => (one.status === 'refused' ? (one.error as { code?: string }).code : one.status)),
    ).toEqual([
      'committed',
      'TIDINGS_TOO_LARGE',
      'TIDINGS_INVALID_EVENT',
      'TIDINGS_INVALID_EVENT',
      'TIDINGS_INVALID_EVENT',
      'TIDINGS_INVALID_EVENT',
      'TIDINGS_INVALID_OPTION',
      'committed',
    ])
    expect((await allIds(store)).length).toBe(2)
  })

  it('go on above what somebody else has written into the log, and readers are told of the damage', async () => {
    const prefix = freshPrefix()
    const store = await open({ prefix })
    await append(store, record())
    const foreign = await withClient((client) => client.xAdd(`{${prefix}}log`, '*', { hello: 'world' }))
    const after = Number(foreign.split('-')[0])
    const both = [record(), record()]
    const [result] = await store.commit([{ append: both }])
    expect(result).toMatchObject({ events: [{ position: after + 1 }, { position: after + 2 }] })
    expect(await append(store, record())).toEqual([after + 3])
    const page = await store.readAll({ after: 0, limit: 10 })
    expect(page).toMatchObject({ events: [{ position: 1 }], through: 1 })
    await expect(store.readAll({ after: 1, limit: 10 })).rejects.toMatchObject({
      code: 'TIDINGS_STORE_CORRUPT',
      details: { position: after, next: after + 1 },
    })
    expect((await store.readAll({ after, limit: 10 })).events).toHaveLength(3)
    expect(
      await store.readAll({ after: 1, limit: 10, types: ['order.placed'] }).catch((error: unknown) => error),
    ).toMatchObject({
      code: 'TIDINGS_STORE_CORRUPT',
    })
  })

  it('are refused once the store was wiped, instead of beginning a second one under the same readers', async () => {
    const prefix = freshPrefix()
    const store = await open({ prefix })
    await append(store, record())
    await withClient((client) => client.unlink([`{${prefix}}meta`, `{${prefix}}log`]))
    await expect(store.commit([{ append: [record()] }])).rejects.toMatchObject({ code: 'TIDINGS_STORE_CORRUPT' })
    const again = await open({ prefix })
    expect(await append(again, record())).toEqual([1])
    await expect(store.commit([{ append: [record()] }])).rejects.toMatchObject({ code: 'TIDINGS_STORE_CORRUPT' })
  })

  it('do not know what they have done where keys are not what they were, and stay whole where they are', async () => {
    const prefix = freshPrefix()
    const store = await open({ prefix })
    await withClient((client) => client.set(`{${prefix}}doc:spoilt`, 'somebody else'))
    const sound = record()
    const calling = store.commit([
      { append: [sound], documents: [{ collection: 'fine', id: 'a', put: '1' }] },
      { documents: [{ collection: 'spoilt', id: 'a', put: '1' }] },
    ])
    await expect(calling).rejects.toMatchObject({ code: 'TIDINGS_COMMIT_UNKNOWN' })
    expect(await allIds(store)).toEqual([sound.id])
    expect(await store.readStream(order)).toHaveLength(1)
    expect(await store.commit([{ append: [sound] }])).toMatchObject([{ status: 'committed', repeated: true }])
    await expect(store.find('spoilt')).resolves.toEqual([])
    await expect(store.find('spoilt', { id: 'a' })).rejects.toMatchObject({ code: 'TIDINGS_STORE_CORRUPT' })
  })

  it('wake other stores once the commit is there, through one connection that is made when somebody watches', async () => {
    const prefix = freshPrefix()
    const [writer, reader] = [await open({ prefix }), await open({ prefix })]
    const seen: number[] = []
    const stop = reader.watch(() => {
      void reader.readAll({ after: 0, limit: 10 }).then((page) => seen.push(page.events.length))
    })
    await eventually(() => seen.length > 0, { deadline: 20_000 })
    await append(writer, record())
    await eventually(() => seen.includes(1), { deadline: 20_000 })
    stop()
  })

  it('open as what was made first; another count of partitions, another format and foreign keys are refused', async () => {
    const prefix = freshPrefix()
    await open({ prefix, partitions: 3 })
    expect((await open({ prefix })).capabilities.partitions).toBe(3)
    await expect(open({ prefix, partitions: 4 })).rejects.toMatchObject({ code: 'TIDINGS_INVALID_OPTION' })
    const broker = redisTransport(url as string, { prefix }).open(hostOf())
    await expect(broker).rejects.toMatchObject({ code: 'TIDINGS_INVALID_OPTION', details: { field: 'prefix' } })
    await withClient((client) => client.hSet(`{${prefix}}meta`, 'format', '99'))
    await expect(open({ prefix })).rejects.toMatchObject({ code: 'TIDINGS_STORE_NEWER' })
    await withClient((client) => client.hSet(`{${prefix}}meta`, 'format', 'x'))
    await expect(open({ prefix })).rejects.toMatchObject({ code: 'TIDINGS_STORE_CORRUPT' })
    await withClient((client) => client.set(`{${prefix}}meta`, 'x'))
    const error: unknown = await open({ prefix }).catch((cause: unknown) => cause)
    expect(isTidingsError(error)).toBe(true)
  })
})
