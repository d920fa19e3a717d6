import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'

import { afterEach, describe, expect, it } from 'vitest'

import { append, cleanUp, commitOne, file, open, record, records } from '../../tests/sqlite-world.ts'
import { type InspectProgress, inspectSqlite } from '../index.ts'

afterEach(cleanUp)

/** A closed file with 60 events of 3 streams and a few documents. */
async function filled(): Promise<string> {
  const path = file()
  const store = await open(path)
  const note = JSON.stringify('n'.repeat(300))
  for (let at = 0; at < 20; at++) await append(store, ...records(3, (stream) => ({ key: `k-${stream}`, data: note })))
  await commitOne(store, {
    documents: [
      { collection: 'c', id: 'plain', put: '{"n":1}' },
      { collection: 'c', id: 'indexed', put: '{}', index: { due: 7, name: 'x' } },
    ],
  })
  await store.prune({ through: 6, limit: 100 })
  await store.close()
  return path
}

function change(path: string, ...sql: string[]): void {
  const db = new DatabaseSync(path)
  for (const one of sql) db.exec(one)
  db.close()
}

/** Writes rubbish over the page on which the event at a position stands. */
function damage(path: string, position: number): void {
  const db = new DatabaseSync(path)
  const { page_size: size } = db.prepare('pragma page_size').get() as { page_size: number }
  const id = (db.prepare('select id from tidings_events where position = ?').get(position) as { id: string }).id
  db.close()
  // The id stands in pages of indexes too; a leaf of the table is told by its first byte and by the data in it.
  const bytes = readFileSync(path)
  for (let at = bytes.indexOf(id); at !== -1; at = bytes.indexOf(id, at + 1)) {
    const start = Math.floor(at / size) * size
    if (bytes[start] === 0x0d && bytes.subarray(start, start + size).includes('nnnnnnnn')) {
      const handle = openSync(path, 'r+')
      writeSync(handle, Buffer.alloc(100, 0xff), 0, 100, start)
      closeSync(handle)
      return
    }
  }
  throw new Error('The event was not found in the file.')
}

describe('inspectSqlite', () => {
  it('finds nothing in a sound file, and tells how far it is', async () => {
    const path = await filled()
    const steps: InspectProgress[] = []
    const inspection = await inspectSqlite(path, { progress: (progress) => void steps.push(progress) })
    expect(inspection).toEqual({
      path,
      schemaVersion: 1,
      partitions: 8,
      events: 54,
      streams: 3,
      documents: 2,
      findings: [],
      more: 0,
    })
    expect([...new Set(steps.map((one) => one.step))]).toEqual(['file', 'events', 'streams', 'documents'])
    for (const { done, total } of steps) expect(done).toBeLessThanOrEqual(total)
    expect(steps.at(-1)).toMatchObject({ done: 2, total: 2 })
  })

  it('finds events that were changed, lost or moved, and names them without payload', async () => {
    const path = await filled()
    change(
      path,
      `update tidings_events set data = '"secret"' where position = 10`,
      'update tidings_events set partition = 1 + (partition + 1) % 2 where position = 11',
      'delete from tidings_events where position in (20, 23)',
      'update tidings_events set stream = 99 where position = 30',
    )
    const { findings, events } = await inspectSqlite(path)
    expect(events).toBe(51)
    expect(findings.map(({ kind, row }) => `${kind} ${row}`)).toEqual([
      'checksum position 10',
      'partition position 11',
      'unreadable position 30',
      'gap id 2',
      'gap id 3',
    ])
    expect(JSON.stringify(findings)).not.toContain('secret')
  })

  it('finds documents that do not parse, and indexes that do not fit', async () => {
    const path = await filled()
    change(
      path,
      `update tidings_documents set body = '{oops' where id = 'plain'`,
      `delete from tidings_document_index where name = 'due'`,
      `insert into tidings_document_index values ('c', 'due', 1, 'nobody')`,
    )
    const { findings } = await inspectSqlite(path)
    expect(findings.map(({ kind, table, row }) => `${kind} ${table} ${row}`)).toEqual([
      'foreign tidings_documents c / indexed',
      'document tidings_documents c / plain',
      'foreign tidings_document_index c / nobody',
    ])
  })

  it('goes on behind a damaged page', async () => {
    const path = await filled()
    damage(path, 30)
    const { findings, events } = await inspectSqlite(path)
    expect(events).toBeGreaterThan(30)
    expect(events).toBeLessThan(54)
    const unreadable = findings.find((one) => one.kind === 'unreadable')
    expect(unreadable?.row).toMatch(/^positions \d+ to \d+$/)
    expect(findings.some((one) => one.kind === 'file')).toBe(true)
  })

  it('tells of a file that is no database, a newer one, and one without a store', async () => {
    const broken = file()
    writeFileSync(broken, 'dear diary, '.repeat(1_000))
    expect((await inspectSqlite(broken)).findings).toMatchObject([{ kind: 'file' }])
    const newer = await filled()
    change(newer, 'pragma user_version = 99')
    await expect(inspectSqlite(newer)).rejects.toMatchObject({ code: 'TIDINGS_STORE_NEWER' })
    const empty = file()
    change(empty, 'create table a (b)')
    await expect(inspectSqlite(empty)).rejects.toMatchObject({ code: 'TIDINGS_NOT_FOUND' })
    await expect(inspectSqlite(file('nowhere.db'))).rejects.toMatchObject({ code: 'TIDINGS_STORE_UNAVAILABLE' })
  })

  it('stops when the signal says so', async () => {
    const path = await filled()
    const reason = new Error('enough')
    const control = new AbortController()
    await expect(inspectSqlite(path, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const running = inspectSqlite(path, { signal: control.signal, progress: () => control.abort(reason) })
    await expect(running).rejects.toBe(reason)
  })

  it('sees one moment of a store that others go on writing', async () => {
    const path = await filled()
    const store = await open(path)
    const inspecting = inspectSqlite(path)
    let over = false
    const inspected = inspecting.finally(() => void (over = true))
    let written = 0
    for (; !over; written++) {
      await append(store, record({ key: 'k-1' }))
      await new Promise((resolve) => void setImmediate(resolve))
    }
    expect(written).toBeGreaterThan(3)
    const inspection = await inspected
    expect(inspection).toMatchObject({ events: 54, findings: [] })
  })
})

describe('reading around what is corrupt', () => {
  it('gives the events before a row without a stream, names it, and goes on behind it', async () => {
    const path = await filled()
    change(path, 'update tidings_events set stream = 99 where position = 30')
    const store = await open(path)
    const page = await store.readAll({ after: 0, limit: 100 })
    expect([page.events.length, page.through]).toEqual([23, 29])
    await expect(store.readAll({ after: 29, limit: 100 })).rejects.toMatchObject({
      code: 'TIDINGS_STORE_CORRUPT',
      message: expect.stringContaining('position 30'),
      details: { table: 'tidings_events', position: 30 },
    })
    expect((await store.readAll({ after: 30, limit: 100 })).events).toHaveLength(30)
  })

  it('does the same for a damaged page, says where reading goes on, and still writes', async () => {
    const path = await filled()
    damage(path, 30)
    const store = await open(path)
    const seen: number[] = []
    let skipped = 0
    for (let after = 0; after < 60; ) {
      const page = await store.readAll({ after, limit: 7 }).catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'TIDINGS_STORE_CORRUPT' })
        skipped++
        return { events: [], through: (error as { details: { next: number } }).details.next - 1 }
      })
      seen.push(...page.events.map((event) => event.position))
      after = page.through
    }
    expect(skipped).toBe(1)
    expect(seen).not.toContain(30)
    expect(seen.length).toBeGreaterThan(40)
    expect((await append(store, record({ key: 'new' })))[0]?.position).toBe(61)
  })

  it('a stream that lost an event to damage rejects as a whole', async () => {
    const path = await filled()
    damage(path, 30)
    const store = await open(path)
    await expect(store.readStream({ tenant: '', category: 'order', key: 'k-2' })).rejects.toMatchObject({
      code: 'TIDINGS_STORE_CORRUPT',
    })
  })
})
