import { afterEach, describe, expect, it } from 'vitest'

import { without } from '../../../../tools/servers/index.ts'
import {
  append,
  atEnd,
  bareClient,
  cleanUp,
  commitOne,
  logIds,
  newSchema,
  open,
  statement,
  withClient,
} from '../../tests/postgres-world.ts'
import { record } from '../../tests/records.ts'

afterEach(cleanUp)

async function begun(how = 'begin'): ReturnType<typeof bareClient> {
  const client = await bareClient()
  atEnd(() => client.end())
  await client.query(how)
  return client
}

describe('appendWithin', without('postgres'), () => {
  it('commits with the work of the client, and not without it', async () => {
    const schema = newSchema()
    const store = await open(schema)
    await withClient((client) => client.query(`create table ${schema}.stock (n int)`))
    for (const end of ['rollback', 'commit']) {
      const client = await begun()
      await client.query(`insert into ${schema}.stock values (1)`)
      const results = await store.appendWithin(client, [
        { append: [record()], documents: [{ collection: 'c', id: 'd', put: '1', index: { n: 1 } }] },
        { append: [record({ key: 'b' })] },
      ])
      expect(results.map(({ status }) => status)).toEqual(['committed', 'committed'])
      expect(await logIds(store)).toHaveLength(0)
      await client.query(end)
    }
    store.announce()
    expect(await logIds(store)).toHaveLength(2)
    expect(await store.find('c', { by: { index: 'n', equal: 1 } })).toHaveLength(1)
    expect(await store.query(statement(['select n from stock']))).toEqual([{ n: 1 }])
  })

  it('answers conflicts, repeated and refused units, and leaves the transaction of the client usable', async () => {
    const store = await open()
    const stored = record()
    await append(store, stored)
    const client = await begun()
    const results = await store.appendWithin(client, [
      { append: [stored] },
      { expect: [{ stream: stored, version: 9 }], append: [record()] },
      { append: [stored, record()] },
      { append: [record({ data: 'a\0b' })] },
      { append: [record({ id: stored.id, fresh: true })] },
      { append: [record({ key: 'fine' })] },
    ])
    expect(
      results.map((result) => (result.status === 'committed' ? `repeated ${result.repeated}` : result.status)),
    ).toEqual(['repeated true', 'conflict', 'refused', 'refused', 'repeated true', 'repeated false'])
    await client.query('commit')
    expect(await logIds(store)).toHaveLength(2)
  })

  it('refuses a client outside of a transaction, one whose snapshot is fixed, and statements', async () => {
    const store = await open()
    const unit = { append: [record()] }
    const idle = await begun('select 1')
    await expect(store.appendWithin(idle, [unit])).rejects.toMatchObject({ code: 'TIDINGS_INVALID_OPTION' })
    const fixed = await begun('begin isolation level repeatable read')
    await expect(store.appendWithin(fixed, [unit])).rejects.toMatchObject({ code: 'TIDINGS_INVALID_OPTION' })
    const client = await begun()
    await expect(store.appendWithin(client, [{ statements: [statement(['select 1'])] }])).rejects.toMatchObject({
      code: 'TIDINGS_NOT_SUPPORTED',
    })
    await store.close()
    await expect(store.appendWithin(client, [unit])).rejects.toMatchObject({ code: 'TIDINGS_CLOSED' })
  })

  it('makes its commits durable although the session is not', async () => {
    const schema = newSchema()
    const store = await open(schema)
    await withClient((client) =>
      client.query(`
        create table ${schema}.seen (setting text);
        create function ${schema}.look() returns trigger language plpgsql as
          $$ begin insert into ${schema}.seen values (current_setting('synchronous_commit')); return null; end $$;
        create trigger look after insert on ${schema}.events execute function ${schema}.look()`),
    )
    const client = await begun('set synchronous_commit = off')
    await client.query('begin')
    await store.appendWithin(client, [{ append: [record()] }])
    await client.query('commit')
    await commitOne(store, { append: [record()] })
    expect(await store.query(statement(['select setting from seen']))).toEqual([{ setting: 'on' }, { setting: 'on' }])
  })
})
