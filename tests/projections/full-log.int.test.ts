import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import pg from 'pg'
import { createEventBus, defineEvent, defineProjection, operationsOf, sql } from 'tidings'
import { afterEach, describe, expect, it } from 'vitest'

import { serverUrl, without } from '../../tools/servers/index.ts'

/** `TIDINGS_LONG=1`: a log as services have it after a while. */
const long = process.env.TIDINGS_LONG === '1'
const postgres = await serverUrl('postgres')

const ends: (() => Promise<unknown> | void)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

const Counted = defineEvent<{ readonly id: string; readonly n: number }>('thing.counted')

const things = () =>
  defineProjection('things', {
    version: 1,
    tables: { things: sql`(id text primary key, n integer not null, times integer not null)` },
    on: (on) => [
      on(Counted, ({ data }, { write, tables }) =>
        write(sql`insert into ${tables.things} (id, n, times) values (${data.id}, ${data.n}, 1)
          on conflict (id) do update set n = ${tables.things}.n + excluded.n, times = ${tables.things}.times + 1`),
      ),
    ],
  })

/** One event in four is about a thing that was counted before. */
function thing(at: number): { readonly id: string; readonly n: number } {
  return { id: `t-${at % 4 === 3 ? at - 3 : at}`, n: at }
}

const sqliteUrl = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-full-'))
  ends.push(() => rmSync(folder, { recursive: true, force: true }))
  return `sqlite:${join(folder, 'tidings.db')}?durability=normal`
}

const postgresUrl = (): string => {
  const name = `full_${Math.random().toString(36).slice(2, 10)}`
  ends.push(async () => {
    const client = new pg.Client({ connectionString: postgres as string })
    await client.connect()
    await client.query(`drop schema if exists ${name} cascade`)
    await client.end()
  })
  return `${postgres}?schema=${name}&options=${encodeURIComponent(`-c search_path=${name}`)}`
}

describe.each([
  { name: 'SQLite', events: long ? 1_000_000 : 8_000, url: sqliteUrl, needs: {} },
  { name: 'PostgreSQL', events: long ? 200_000 : 4_000, url: postgresUrl, needs: without('postgres') },
])('$events events on $name', ({ events, url, needs }) => {
  it('are applied anew while traffic goes on, in flat memory, and readers miss nothing of what they have seen', {
    timeout: long ? 3_600_000 : 180_000,
    ...needs,
  }, async () => {
    const bus = await createEventBus({ url: url(), source: '/things' })
    ends.push(() => bus.close())
    const figures: Record<string, number | string> = { events }
    const clock = (): number => performance.now()
    let began = clock()
    const batch = 1_000
    for (let at = 0; at < events; at += batch)
      await bus.publish(Array.from({ length: batch }, (_, next) => Counted.create(thing(at + next))))
    figures['published a second'] = Math.round((events / (clock() - began)) * 1_000)
    const projection = things()
    bus.use(projection)
    began = clock()
    await bus.start()
    const read = projection.of(bus)
    const { position } = await bus.publish(Counted, { id: 'marker', n: 0 })
    await read.caughtUpTo(position, { timeout: '1h' })
    figures['applied at first a second'] = Math.round((events / (clock() - began)) * 1_000)

    let working = true
    let published = 0
    let looks = 0
    let worst = 0
    const traffic = (async () => {
      for (; working; published++) {
        await bus.publish(Counted, { id: `new-${published}`, n: published })
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    })()
    const reading = (async () => {
      for (; working; looks++) {
        const { id, n } = thing(4 * Math.floor(Math.random() * (events / 4)))
        const asked = clock()
        const rows = await read.query(sql`select n, times from things where id = ${id}`)
        worst = Math.max(worst, clock() - asked)
        if (rows.length !== 1 || rows[0]?.n !== 2 * n + 3 || rows[0].times !== 2)
          throw new Error(`Readers saw ${JSON.stringify(rows)} of ${id}`)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    })()
    ends.push(() => void (working = false))

    const { projections } = operationsOf(bus)
    const before = process.memoryUsage().rss
    let most = before
    began = clock()
    const generation = await projections.rebuild('things')
    for await (const { generations } of projections.follow('things', { deadline: '50m' })) {
      most = Math.max(most, process.memoryUsage().rss)
      if (generations.find(({ number }) => number === generation)?.state === 'live') break
    }
    figures['rebuilt and switched a second'] = Math.round((events / (clock() - began)) * 1_000)
    working = false
    await Promise.all([traffic, reading])
    const after = await projections.progress('things')
    expect(after).toMatchObject({ live: generation })
    figures.parity = after.generations.at(-1)?.parity?.says ?? ''
    figures['memory grew by MB'] = Math.round((most - before) / 1_048_576)
    figures['published meanwhile'] = published
    figures['looks of readers'] = looks
    figures['slowest look in ms'] = Math.round(worst)
    if (long) process.stdout.write(`${JSON.stringify(figures)}\n`)
    expect(after.generations.at(-1)?.parity).toMatchObject({ verdict: 'equal' })
    expect(most - before).toBeLessThan(200 * 1_048_576)
    expect(looks).toBeGreaterThan(5)

    const last = await bus.publish(Counted, { id: 'marker', n: 0 })
    await read.caughtUpTo(last.position, { timeout: '5m' })
    const [row] = await read.query(sql`select count(*) as n, sum(times) as times from things`)
    expect(row).toEqual({ n: (events / 4) * 3 + published + 1, times: events + published + 2 })
  })
})
