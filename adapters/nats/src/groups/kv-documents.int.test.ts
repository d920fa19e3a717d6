import { eventually } from '@tidings/conformance'
import { realRuntime, silentLog, silentMeter } from 'tidings/spi'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { serverUrl, without } from '../../../../tools/servers/index.ts'
import { freshPrefix, removeStreams, serverOf } from '../../tests/nats-world.ts'
import { Link } from '../connection/link.ts'
import { settingsOf } from '../nats-options.ts'
import { openStream } from '../stream/open-stream.ts'
import { KvDocuments } from './kv-documents.ts'

const url = (await serverUrl('nats')) ?? ''

describe('documents of a group in a bucket', without('nats'), () => {
  const host = { runtime: realRuntime(), log: silentLog, meter: silentMeter }
  const group = 'shop: *'
  let prefix: string
  let link: Link
  let documents: KvDocuments
  let missing = 0
  const of = (name: string): KvDocuments =>
    new KvDocuments({ link, host, prefix, group: name, timeout: () => 2_000, missing: () => void missing++ })
  const put = (body: string, collection: string, id: string, version?: number) =>
    documents.commit([
      {
        ...(version !== undefined && { expect: [{ collection, id, version }] }),
        documents: [{ put: body, collection, id }],
      },
    ])
  beforeEach(async () => {
    prefix = freshPrefix()
    const settings = settingsOf({ servers: [serverOf(url)], prefix })
    link = await Link.open(settings, host)
    await openStream(link.manager, settings, host)
    documents = of(group)
    missing = 0
  })
  afterEach(async () => {
    await link.close()
    await removeStreams(url, prefix)
  })

  it('change only where they stand at the version expected, which grows with each change', async () => {
    expect(await documents.find('owners', { id: group })).toEqual([])
    expect(await put('one', 'owners', group, 0)).toMatchObject([{ status: 'committed' }])
    expect(await put('two', 'owners', group, 0)).toMatchObject([{ status: 'conflict' }])
    const [first] = await documents.find('owners', { id: group })
    expect(first).toMatchObject({ id: group, body: 'one' })
    expect(await put('two', 'owners', group, first?.version)).toMatchObject([{ status: 'committed' }])
    expect(await put('three', 'owners', group, first?.version)).toMatchObject([{ status: 'conflict' }])
    const [second] = await documents.find('owners', { id: group })
    expect(second?.body).toBe('two')
    expect(second?.version).toBeGreaterThan(first?.version ?? 0)
  })

  it('are found in the order of their ids, page by page, and not those of other groups', async () => {
    await of('other').commit([{ documents: [{ put: 'x', collection: 'instances', id: 'b' }] }])
    for (const id of ['c', 'a', 'd', 'b']) await put(id.toUpperCase(), 'instances', id)
    expect((await documents.find('instances')).map(({ body }) => body)).toEqual(['A', 'B', 'C', 'D'])
    expect((await documents.find('instances', { limit: 2 })).map(({ id }) => id)).toEqual(['a', 'b'])
    expect((await documents.find('instances', { limit: 2, after: 'b' })).map(({ id }) => id)).toEqual(['c', 'd'])
  })

  it('are deleted without a trace, but not where they have changed since', async () => {
    await put('one', 'instances', 'a')
    const [old] = await documents.find('instances')
    await put('two', 'instances', 'a')
    const forget = (version?: number) =>
      documents.commit([
        {
          ...(version !== undefined && { expect: [{ collection: 'instances', id: 'a', version }] }),
          documents: [{ delete: true, collection: 'instances', id: 'a' }],
        },
      ])
    await forget(old?.version)
    expect((await documents.find('instances')).map(({ body }) => body)).toEqual(['two'])
    await forget()
    expect(await documents.find('instances')).toEqual([])
    await forget()
    expect((await link.manager.streams.info(`KV_${prefix}_groups`)).state.messages).toBe(0)
  })

  it('wake whoever watches when others change them, not for signs of life of those that are known', async () => {
    let woken = 0
    const stop = documents.watch(() => void woken++)
    await link.nats.flush()
    await of(group).commit([{ documents: [{ put: 'x', collection: 'instances', id: 'new' }] }])
    await eventually(() => woken === 1, { deadline: 5_000 })
    await documents.find('instances')
    await of(group).commit([{ documents: [{ put: 'y', collection: 'instances', id: 'new' }] }])
    await of('other').commit([{ documents: [{ put: 'y', collection: 'owners', id: 'other' }] }])
    await of(group).commit([{ documents: [{ put: 'y', collection: 'progress', id: `${group}/0` }] }])
    await of(group).commit([{ documents: [{ put: 'y', collection: 'owners', id: group }] }])
    await eventually(() => woken === 2, { deadline: 5_000 })
    stop()
    await of(group).commit([{ documents: [{ put: 'z', collection: 'owners', id: group }] }])
    await link.nats.flush()
    expect(woken).toBe(2)
  })

  it('tell when their bucket is gone', async () => {
    await link.manager.streams.delete(`KV_${prefix}_groups`)
    await expect(documents.find('instances')).rejects.toMatchObject({ code: 'TIDINGS_BROKER_UNAVAILABLE' })
    expect(missing).toBe(1)
  })
})
