/**
 * How close the store comes to SQLite itself, on this machine: `node --conditions=source adapters/sqlite/bench/hot-path.ts`.
 * The raw loop writes the same rows into the same tables with the same indexes, and knows everything beforehand. Rounds of both
 * alternate in one process, so that whatever else the machine does falls on both; what counts is the ratio. Arguments: the durability (default
 * full), and `cpu` to count processor time instead of time, for machines that are busy with something else.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { checksumOf, type EventRecord, realRuntime, silentLog, silentMeter } from 'tidings/spi'

import { sqlite } from '../src/index.ts'
import type { SqliteDurability } from '../src/sqlite-options.ts'

const host = { runtime: realRuntime(), log: silentLog, meter: silentMeter }
const rounds = 9
const perRound = 25_600
const durability = (process.argv[2] ?? 'full') as SqliteDurability
const cpu = process.argv[3] === 'cpu'

interface Side {
  /** Writes the records in groups of this size. */
  write(records: readonly EventRecord[], group: number): Promise<void> | void
  /** Reads all of them in pages of 500. */
  read(): Promise<number> | number
  close(): Promise<void> | void
}

const folder = mkdtempSync(join(tmpdir(), 'tidings-bench-'))
const line = (text: string): void => void process.stdout.write(`${text}\n`)

try {
  for (const [title, streams] of [
    ['1,000 streams', 1_000],
    ['a stream for each event', 0],
  ] as const) {
    for (const group of [256, 1]) {
      const sides = [await store(), await raw()] as const
      const count = group === 1 ? 1_024 : perRound
      const [mine, bare] = [[], []] as [number[], number[]]
      for (let round = 0; round < rounds; round++) {
        for (const [at, times] of [
          [round % 2, round % 2 === 0 ? mine : bare],
          [1 - (round % 2), round % 2 === 0 ? bare : mine],
        ] as const) {
          const records = makeRecords(count, streams)
          const began = now()
          await sides[at as 0 | 1].write(records, group)
          times.push(now() - began)
        }
      }
      const [a, b] = [count / median(mine), count / median(bare)]
      line(
        `${durability}, ${title}, ${group} in a commit: store ${rate(a)}, raw ${rate(b)}, ratio ${(a / b).toFixed(2)}`,
      )
      if (group > 1) {
        const [reads, bareReads] = [[], []] as [number[], number[]]
        for (let round = 0; round < 5; round++) {
          for (const [side, times] of [
            [sides[0], reads],
            [sides[1], bareReads],
          ] as const) {
            const began = now()
            const rows = await side.read()
            times.push(((now() - began) * 1_000) / rows)
          }
        }
        line(`  read: store ${median(reads).toFixed(2)} µs an event, raw ${median(bareReads).toFixed(2)} µs a row`)
      }
      for (const side of sides) await side.close()
    }
  }
} finally {
  rmSync(folder, { recursive: true })
}

async function store(): Promise<Side> {
  const opened = await sqlite(join(folder, `store-${host.runtime.id()}.db`), { durability }).open(host)
  return {
    async write(records, group) {
      for (let at = 0; at < records.length; at += group) {
        const results = await opened.commit(records.slice(at, at + group).map((record) => ({ append: [record] })))
        if (results.some((result) => result.status !== 'committed')) throw new Error('A unit did not commit.')
      }
    },
    async read() {
      let count = 0
      for (let after = 0; ; ) {
        const page = await opened.readAll({ after, limit: 500 })
        count += page.events.length
        if (page.through === after) return count
        after = page.through
      }
    },
    close: () => opened.close(),
  }
}

async function raw(): Promise<Side> {
  const path = join(folder, `raw-${host.runtime.id()}.db`)
  await (await sqlite(path).open(host)).close()
  const db = new DatabaseSync(path)
  db.exec(`pragma journal_mode = wal; pragma synchronous = ${durability}; pragma cache_size = -16384`)
  const insert = db.prepare(`insert into tidings_events values (${Array(17).fill('?').join(', ')})`)
  const open = db.prepare('insert into tidings_streams (tenant, category, key, partition) values (?, ?, ?, ?)')
  const page = db.prepare('select * from tidings_events where position > ? order by position limit ?', {
    returnArrays: true,
  })
  const [begin, commit] = [db.prepare('begin immediate'), db.prepare('commit')]
  const streams = new Map<string, { id: number; version: number }>()
  let position = 0
  return {
    write(records, group) {
      for (let at = 0; at < records.length; at += group) {
        begin.run()
        for (const record of records.slice(at, at + group)) {
          let stream = streams.get(record.key)
          if (stream === undefined) {
            stream = { id: Number(open.run(record.tenant, record.category, record.key, 1).lastInsertRowid), version: 0 }
            streams.set(record.key, stream)
          }
          const { id, source, type, version, time, priority, causation, encoding, checksum, seal, context, data } =
            record
          insert.run(
            ++position,
            stream.id,
            ++stream.version,
            1,
            id,
            source,
            type,
            version,
            time,
            priority,
            null,
            causation,
            encoding,
            checksum,
            seal,
            context,
            data,
          )
        }
        commit.run()
      }
    },
    read() {
      let count = 0
      for (let after = 0; ; ) {
        const rows = page.all(after, 500) as unknown as [number][]
        const last = rows.at(-1)
        if (last === undefined) return count
        count += rows.length
        after = last[0]
      }
    },
    close: () => db.close(),
  }
}

function makeRecords(count: number, streams: number): EventRecord[] {
  return Array.from({ length: count }, (_, at) => {
    const id = host.runtime.id()
    const data = JSON.stringify({
      orderId: `o-${at}`,
      customerId: 'c-98765',
      total: 99.9,
      currency: 'EUR',
      items: [
        { sku: 'sku-1', quantity: 2 },
        { sku: 'sku-2', quantity: 1 },
      ],
    })
    const record = {
      id,
      source: '/shop',
      type: 'order.placed',
      version: '1.0.0',
      category: 'order',
      key: streams === 0 ? id : `o-${at % streams}`,
      tenant: 'acme',
      time: 1_767_225_600_000 + at,
      priority: 2,
      correlation: id,
      causation: '',
      context: '{"userId":"u-1","actor":"user:u-1"}',
      data,
      encoding: '',
      fresh: true,
    }
    return { ...record, checksum: checksumOf(record), seal: '' }
  })
}

function now(): number {
  if (!cpu) return performance.now()
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number
}

function rate(perMillisecond: number): string {
  return `${Math.round(perMillisecond * 1_000).toLocaleString('en')} events/s`
}
