import { hash } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'

import { sqlite } from '@tidings/sqlite'
import { partitionOf, realRuntime, silentLog, silentMeter, streamText } from 'tidings/spi'

import type { Side, SideHost } from '../harness/side.ts'
import { cheapId, keyOf, orderOf, orders, type as orderType, source } from '../order-event.ts'

const category = 'order'
const checksumLike = 'x'.repeat(43)

/**
 * node:sqlite by hand: the tables and indexes are the adapter's own, made by its migrations; streams are resolved beforehand; statements are
 * prepared; all publishes of one turn share a transaction. Option `durability`; `same`: draws ids and hashes as the bus does, instead of writing
 * texts of the same length.
 */
export async function open({ folder, options }: SideHost): Promise<Side> {
  const { durability = 'full', same = false } = options
  const path = join(folder, 'raw.db')
  const runtime = realRuntime()
  const made = await sqlite(path).open({ runtime, log: silentLog, meter: silentMeter })
  const { partitions } = made.capabilities
  await made.close()

  const db = new DatabaseSync(path)
  db.exec(
    `pragma journal_mode = wal; pragma synchronous = ${String(durability)}; pragma cache_size = -16384; pragma journal_size_limit = 67108864`,
  )
  const streams = openStreams(db, partitions)
  const insert = insertInto(db)
  const [begin, commit] = [db.prepare('begin immediate'), db.prepare('commit')]
  let position = 0

  const write = (at: number): void => {
    const stream = streams[at % orders] as OpenStream
    const data = JSON.stringify(orderOf(at))
    const id = same ? runtime.id() : cheapId()
    const checksum = same ? hash('sha256', `${id}${data}`, 'base64url') : checksumLike
    insert.run(
      ++position,
      stream.id,
      ++stream.version,
      stream.partition,
      id,
      source,
      orderType,
      '1.0.0',
      Date.now(),
      2,
      null,
      '',
      '',
      checksum,
      '',
      '',
      data,
    )
  }

  let waiting: { readonly at: number; readonly settle: () => void }[] = []
  const flush = (): void => {
    const batch = waiting
    waiting = []
    begin.run()
    for (const { at } of batch) write(at)
    commit.run()
    for (const { settle } of batch) settle()
  }
  return {
    one: (at) =>
      new Promise<void>((settle) => {
        if (waiting.push({ at, settle }) === 1) queueMicrotask(flush)
      }),
    batch: async (from, count) => {
      begin.run()
      for (let at = from; at < from + count; at++) write(at)
      commit.run()
    },
    seen: () => Number(db.prepare('select count(*) as n from tidings_events').get()?.n),
    close: async () => db.close(),
  }
}

interface OpenStream {
  readonly id: number
  readonly partition: number
  version: number
}

function openStreams(db: DatabaseSync, partitions: number): OpenStream[] {
  const insert = db.prepare('insert into tidings_streams (tenant, category, key, partition) values (?, ?, ?, ?)')
  return Array.from({ length: orders }, (_, at) => {
    const key = keyOf(at)
    const partition = partitionOf(streamText({ tenant: '', category, key }), partitions)
    return { id: Number(insert.run('', category, key, partition).lastInsertRowid), partition, version: 0 }
  })
}

function insertInto(db: DatabaseSync): StatementSync {
  return db.prepare(
    `insert into tidings_events (position, stream, stream_version, partition, id, source, type, version, time, priority,
       correlation, causation, encoding, checksum, seal, context, data)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
}
