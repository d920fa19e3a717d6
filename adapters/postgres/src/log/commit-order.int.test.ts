import type { Client } from 'pg'
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
  url,
  withClient,
} from '../../tests/postgres-world.ts'
import { record } from '../../tests/records.ts'

afterEach(cleanUp)

/** A transaction that others have open, gone after the test. */
async function begun(server?: string): Promise<Client> {
  const client = await bareClient(server)
  atEnd(() => client.end())
  await client.query('begin')
  return client
}

describe('positions are commit order', without('postgres'), () => {
  it('a transaction that has written and stays open delays no reader and no writer', async () => {
    const schema = newSchema()
    const store = await open(schema)
    const stalled = await begun()
    await stalled.query(`create table ${schema}.bystander (n int)`)
    const written = [record(), record(), record()]
    for (const one of written) await append(store, one)
    expect(await logIds(store)).toEqual(written.map(({ id }) => id))
    await stalled.query('rollback')
  })

  it('a prepared transaction, and one that writes in another database of the cluster, delay no reader', async () => {
    const store = await open()
    const database = `tidings_beside_${Math.random().toString(36).slice(2, 8)}`
    await withClient((client) => client.query(`create database ${database}`))
    atEnd(() => withClient((client) => client.query(`drop database ${database} with (force)`)))
    const elsewhere = new URL(url as string)
    elsewhere.pathname = database
    const other = await begun(elsewhere.href)
    await other.query('create table t (n int)')
    const prepared = await begun(elsewhere.href)
    await prepared.query('create table u (n int)')
    await prepared.query(`prepare transaction '${database}'`)
    atEnd(() => withClient((client) => client.query(`rollback prepared '${database}'`), elsewhere.href))
    const written = [record(), record()]
    for (const one of written) await append(store, one)
    expect(await logIds(store)).toEqual(written.map(({ id }) => id))
  })

  it('who has appended and stalls before COMMIT is not passed by: others wait, readers see what was before, then all in order', async () => {
    const store = await open()
    const before = record()
    await append(store, before)
    const stalled = await begun()
    const late = record({ key: 'late' })
    const [placed] = await store.appendWithin(stalled, [{ append: [late] }])
    const after = record({ key: 'after' })
    const waiting = append(store, after)
    const page = await store.readAll({ after: 0, limit: 10 })
    expect(page.events.map((event) => event.record.id)).toEqual([before.id])
    expect(page.through).toBe(1)
    await stalled.query('commit')
    const [place] = await waiting
    expect(placed).toMatchObject({ status: 'committed', events: [{ position: 2 }] })
    expect(place?.position).toBe(3)
    const rest = await store.readAll({ after: page.through, limit: 10 })
    expect(rest.events.map((event) => event.record.id)).toEqual([late.id, after.id])
  })

  it('who has appended and rolls back, or dies, leaves no hole that could be filled later', async () => {
    const store = await open()
    for (const end of ['rollback', 'terminate'] as const) {
      const stalled = await begun()
      await store.appendWithin(stalled, [{ append: [record()] }])
      const waiting = append(store, record())
      if (end === 'rollback') await stalled.query('rollback')
      else {
        const { processID } = stalled as unknown as { processID: number }
        await withClient((client) => client.query('select pg_terminate_backend($1)', [processID]))
      }
      await waiting
    }
    const page = await store.readAll({ after: 0, limit: 10 })
    expect(page.events.map(({ position }) => position)).toEqual([1, 2])
  })

  it('a transaction that has appended and is prepared keeps its place until it is decided', async () => {
    const store = await open()
    const stalled = await begun()
    const late = record({ key: 'late' })
    await store.appendWithin(stalled, [{ append: [late] }])
    const name = `tidings_${Math.random().toString(36).slice(2, 8)}`
    await stalled.query(`prepare transaction '${name}'`)
    const after = record()
    const waiting = append(store, after)
    expect(await logIds(store)).toEqual([])
    await withClient((client) => client.query(`commit prepared '${name}'`))
    await waiting
    expect(await logIds(store)).toEqual([late.id, after.id])
  })

  it('a transaction of a handler that takes its time delays nobody, and its events come after all that was seen', async () => {
    const store = await open()
    await commitOne(store, { statements: [statement(['create table stock (id text primary key)'])] })
    const slow = await store.begin({ hold: 30_000 })
    await slow.query(statement(['insert into stock values (', ')'], 'a'))
    const meanwhile = [record({ key: 'm-1' }), record({ key: 'm-2' })]
    for (const one of meanwhile) await append(store, one)
    const seen = await store.readAll({ after: 0, limit: 10 })
    expect(seen.events.map((event) => event.record.id)).toEqual(meanwhile.map(({ id }) => id))
    const late = record({ key: 'late' })
    expect(await slow.commit({ append: [late] })).toMatchObject({ status: 'committed' })
    const rest = await store.readAll({ after: seen.through, limit: 10 })
    expect(rest.events.map((event) => event.record.id)).toEqual([late.id])
  })

  it('statements of a unit that wait for a lock of somebody else hold up no other writer', async () => {
    const store = await open()
    const schema = newSchema()
    await withClient((client) =>
      client.query(`create schema ${schema}; create table ${schema}.t (n int); insert into ${schema}.t values (1)`),
    )
    const holder = await begun()
    await holder.query(`update ${schema}.t set n = 2`)
    const blocked = commitOne(store, {
      append: [record({ key: 'blocked' })],
      statements: [statement([`update ${schema}.t set n = n + 1`])],
    })
    await append(store, record())
    expect(await logIds(store)).toHaveLength(1)
    await holder.query('commit')
    expect(await blocked).toMatchObject({ status: 'committed', events: [{ position: 2 }] })
  })
})
