import { afterEach, describe, expect, it } from 'vitest'

import { append, cleanUp, freshPrefix, needsRedis, open, record, withClient } from '../../../tests/redis-world.ts'

afterEach(cleanUp)

describe('the log in Redis', needsRedis, () => {
  it('is read by anybody: an entry for each event, its position the id, CloudEvents as JSON inside', async () => {
    const prefix = freshPrefix()
    const store = await open({ prefix })
    const one = record({ tenant: 'acme', key: 'o-7', data: '{"total":12.5}' })
    await append(store, record(), one)
    const entries = (await withClient((client) => client.xRange(`{${prefix}}log`, '2', '2'))) ?? []
    expect(entries).toMatchObject([{ id: '2-0' }])
    const { at = '', event = '' } = entries[0]?.message ?? {}
    expect(at).toMatch(/^\d+ 1767225600000 acme\u001forder\u001fo-7 1$/)
    expect(JSON.parse(event)).toEqual({
      specversion: '1.0',
      id: one.id,
      source: '/tests',
      type: 'order.placed',
      subject: 'o-7',
      time: '2026-01-01T00:00:00.000Z',
      dataschema: 'urn:tidings:schema:order.placed:1.0.0',
      tenantid: 'acme',
      checksum: one.checksum,
      data: { total: 12.5 },
    })
  })

  it('gives memory back when events are pruned: only counters stay, and with `forget` none of those', async () => {
    const prefix = freshPrefix()
    const store = await open({ prefix })
    const events = Array.from({ length: 300 }, (_, at) => record({ key: `k-${at % 5}` }))
    await append(store, ...events, ...Array.from({ length: 20 }, () => record({ key: 'short' })))
    const keys = (): Promise<string[]> => withClient(async (client) => (await client.keys(`{${prefix}}*`)).sort())
    expect(await keys()).toContain(`{${prefix}}stream:\u001forder\u001fk-0`)
    for (let more = true; more; ) ({ more } = await store.prune({ through: 1_000, limit: 70 }))
    expect(await keys()).toEqual([`{${prefix}}log`, `{${prefix}}meta`, `{${prefix}}streams`])
    const left = await withClient(async (client) => [
      await client.xLen(`{${prefix}}log`),
      await client.hGetAll(`{${prefix}}streams`),
    ])
    expect(left[0]).toBe(0)
    expect(Object.values(left[1] as object)).toEqual(['60@', '60@', '60@', '60@', '60@', '20@'])
    expect(await append(store, record({ key: 'short' }))).toEqual([321])
    expect(await store.readStream({ tenant: '', category: 'order', key: 'short' })).toMatchObject([
      { streamVersion: 21 },
    ])
  })

  it('finds one event among many by its id, without looking at the others', async () => {
    const store = await open()
    const wanted = record({ correlation: 'c-1' })
    const twin = { ...record({ id: wanted.id, source: '/elsewhere' }) }
    await append(store, ...Array.from({ length: 2_000 }, () => record()), wanted, twin)
    expect(
      (await store.readAll({ after: 0, limit: 10, id: wanted.id })).events.map(({ position }) => position),
    ).toEqual([2_001, 2_002])
    expect(await store.readAll({ after: 0, limit: 1, id: wanted.id })).toMatchObject({ through: 2_001 })
    expect(await store.readAll({ after: 2_001, limit: 9, id: wanted.id })).toMatchObject({
      events: [{ position: 2_002 }],
      through: 2_002,
    })
    expect(await store.readAll({ after: 0, limit: 9, id: wanted.id, correlation: 'c-1' })).toMatchObject({
      events: [{ position: 2_001 }],
      through: 2_002,
    })
    await store.prune({ through: 2_001, limit: 5_000 })
    expect((await store.readAll({ after: 0, limit: 10, id: wanted.id })).events).toHaveLength(1)
  })

  it('finds the first event since a time in one call, however many come before it', async () => {
    const store = await open()
    for (let batch = 0; batch < 5; batch++)
      await append(store, ...Array.from({ length: 2_000 }, () => record({ time: 1_000 })))
    await append(store, record({ time: 2_000 }))
    expect(await store.readAll({ after: 0, limit: 1, from: 1_500 })).toMatchObject({ events: [{ position: 10_001 }] })
  })

  it('pages events of any size', async () => {
    const store = await open()
    const large = JSON.stringify('x'.repeat(1_500_000))
    for (let at = 0; at < 30; at++) await append(store, record({ data: large }))
    const seen: number[] = []
    for (let after = 0; ; ) {
      const page = await store.readAll({ after, limit: 500 })
      if (page.through === after) break
      expect(page.events.length).toBeLessThan(30)
      seen.push(...page.events.map(({ position }) => position))
      after = page.through
    }
    expect(seen).toEqual(Array.from({ length: 30 }, (_, at) => at + 1))
  })

  it('says which entry cannot be read, and where it goes on', async () => {
    const prefix = freshPrefix()
    const store = await open({ prefix })
    await append(store, record(), record())
    const spoil = (at: string, event: string): Promise<unknown> =>
      withClient(async (client) => {
        const position = Number(await client.hGet(`{${prefix}}meta`, 'position')) + 1
        await client.xAdd(`{${prefix}}log`, `${position}-0`, { at, event })
        await client.hSet(`{${prefix}}meta`, 'position', String(position))
      })
    for (const [at, event] of [
      ['nonsense', '{}'],
      ['0 1 \u001forder\u001fo-1 1', '{"id":'],
      ['0 1 \u001forder\u001fo-1 1', `{"a":${'['.repeat(50_000)}`],
    ] as const)
      await spoil(at, event)
    await append(store, record())
    expect(await store.readAll({ after: 0, limit: 10 })).toMatchObject({ through: 2 })
    for (const after of [2, 3, 4]) {
      await expect(store.readAll({ after, limit: 10 })).rejects.toMatchObject({
        code: 'TIDINGS_STORE_CORRUPT',
        details: { position: after + 1, next: after + 2 },
      })
    }
    expect(await store.readAll({ after: 5, limit: 10 })).toMatchObject({ events: [{ position: 6 }], through: 6 })
  })
})
