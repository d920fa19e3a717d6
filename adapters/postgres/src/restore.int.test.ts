import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { eventually } from '@tidings/conformance'
import { createEventBus, defineEvent, type EventBus, sql } from 'tidings'
import { afterEach, describe, expect, it } from 'vitest'

import { canStartOwn, type OwnServer, startOwn, without } from '../../../tools/servers/index.ts'
import { atEnd, cleanUp, hostOf, url, withClient } from '../tests/postgres-world.ts'
import { postgres } from './index.ts'

const Counted = defineEvent<{ stream: string; n: number }>('counter.counted', { key: ({ stream }) => stream })

/** The client's programs come with the server, but the server may be elsewhere. */
const missing = ['pg_dump', 'pg_restore'].find((name) => spawnSync(name, ['--version']).status !== 0)
if (missing !== undefined && process.env.CI === 'true')
  throw new Error(`CI runs all tests, but there is no ${missing}.`)
const skip = missing === undefined ? {} : { skip: true, meta: { notRun: `no ${missing} on PATH` } }

await canStartOwn('postgres')

afterEach(cleanUp)

const patience = { deadline: 30_000 }
const streams = 7

const run = promisify(execFile)

/** A bus that counts, and writes down in which order. It takes its time, so that it can be stopped in the middle. */
async function counting(store: string, slow: number): Promise<EventBus> {
  const bus = await createEventBus({ store: postgres(store), source: '/restore', transport: { lease: '500ms' } })
  atEnd(() => bus.close())
  bus.subscribe(Counted, { name: 'count', from: 'beginning' }, async ({ data }, { write }) => {
    if (slow > 0) await new Promise((resolve) => setTimeout(resolve, slow))
    write(sql`insert into handled (stream, n) values (${data.stream}, ${data.n})`)
  })
  await bus.start()
  return bus
}

const publish = (bus: EventBus, from: number, to: number): Promise<unknown> =>
  bus.publish(
    Array.from({ length: to - from + 1 }, (_, at) =>
      Counted.create({ stream: `s-${(from + at) % streams}`, n: from + at }),
    ),
  )

const handled = (server: string): Promise<readonly { stream: string; n: number }[]> =>
  withClient(async (client) => (await client.query('select stream, n from handled order by at')).rows, server)

/** The log as a reader sees it that trusts `through`, after a position. */
async function logAfter(server: string, after: number): Promise<readonly (readonly [number, number])[]> {
  const store = await postgres(server).open(hostOf())
  try {
    const found: (readonly [number, number])[] = []
    for (let at = after; ; ) {
      const { events, through } = await store.readAll({ after: at, limit: 50, types: [Counted.type] })
      for (const { position, record } of events) found.push([position, JSON.parse(String(record.data)).n])
      if (through === at) return found
      at = through
    }
  } finally {
    await store.close()
  }
}

const transactions = (server: string): Promise<number> =>
  withClient(
    async (client) => Number((await client.query('select pg_current_xact_id()::text as id')).rows[0].id),
    server,
  )

describe('a store that was dumped and restored into a new cluster', { ...without('postgres'), ...skip }, () => {
  it('is read on from its checkpoints: each event once and in one order, also those that were written after the restore', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidings-restore-'))
    atEnd(() => rmSync(folder, { recursive: true, force: true }))
    const name = `tidings_restore_${Math.random().toString(36).slice(2, 8)}`
    await withClient((client) => client.query(`create database ${name}`))
    atEnd(() => withClient((client) => client.query(`drop database ${name} with (force)`)))
    const there = new URL(url as string)
    there.pathname = name
    const old = there.href
    const fresh: OwnServer = await startOwn('postgres')
    atEnd(() => fresh.stop())
    // Ids of transactions have come farther in the old cluster than they will in the new one.
    await withClient(async (client) => {
      const spent = (await transactions(fresh.url)) + 5_000 - (await transactions(old))
      await client.query(
        `do $$ begin for at in 1..${Math.max(0, spent)} loop perform pg_current_xact_id(); commit; end loop; end $$`,
      )
      await client.query('create table handled (at bigserial, stream text, n integer)')
    }, old)

    const before = await counting(old, 100)
    await publish(before, 1, 200)
    await eventually(async () => (await handled(old)).length > 30, patience)
    // While it is dumped, it is written and read.
    const dump = join(folder, 'dump')
    let dumped = false
    const dumping = run('pg_dump', ['--format=custom', '--file', dump, old]).finally(() => (dumped = true))
    for (let n = 201; !dumped; n++) await publish(before, n, n)
    await dumping
    await before.close()
    await run('pg_restore', ['--exit-on-error', '--no-owner', '--dbname', fresh.url, dump])

    expect(await transactions(fresh.url)).toBeLessThan(await transactions(old))
    const restored = await logAfter(fresh.url, 0)
    const original = await logAfter(old, 0)
    expect(restored.length).toBeGreaterThanOrEqual(200)
    expect(restored).toEqual(original.slice(0, restored.length))
    const head = restored.at(-1)?.[0] as number
    expect((await handled(fresh.url)).length).toBeLessThan(restored.length)

    const after = await counting(fresh.url, 0)
    await publish(after, 1_001, 1_100)
    const all = [...restored.map(([, n]) => n), ...Array.from({ length: 100 }, (_, at) => 1_001 + at)]
    await eventually(async () => (await handled(fresh.url)).length >= all.length, patience)
    const written = await logAfter(fresh.url, head)
    expect(written.map(([, n]) => n)).toEqual(all.slice(restored.length))
    expect(written.every(([position], at) => position > (written[at - 1]?.[0] ?? head))).toBe(true)
    const seen = await handled(fresh.url)
    for (let stream = 0; stream < streams; stream++) {
      const own = (n: number): boolean => n % streams === stream
      expect(seen.filter((one) => own(one.n)).map(({ n }) => n)).toEqual(all.filter(own))
    }
    expect(seen).toHaveLength(all.length)
  })
})
