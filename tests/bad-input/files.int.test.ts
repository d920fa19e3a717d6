import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { inspectSqlite, sqlite } from '@tidings/sqlite'
import { createEventBus, defineEvent, type ErrorCode, type EventBus, isTidingsError, sql } from 'tidings'
import { afterAll, describe, expect, it } from 'vitest'

import { countOf, expectCoded, failureOf, file, folder, open, secret } from './world.ts'

const Placed = defineEvent('order.placed')

/** A sound file with events in it. */
async function filled(events = 500): Promise<string> {
  const { bus, file: path } = await open()
  await bus.publish(
    Array.from({ length: events }, (_, at) => Placed.create({ id: `o-${at % 20}`, at, note: secret.repeat(100) })),
  )
  await bus.close()
  return path
}

/** Opens, starts, and reads everything; what any of it rejects with. */
async function use(path: string): Promise<unknown> {
  let bus: EventBus | undefined
  try {
    bus = await createEventBus({ store: sqlite(path) })
    bus.subscribe(Placed, { name: 'all' }, () => {})
    await bus.start()
    await countOf(bus)
    return undefined
  } catch (error) {
    return error
  } finally {
    await bus?.close({ deadline: 1_000 })
  }
}

describe('a file that is none of ours', () => {
  it.each<[string, (path: string) => void | Promise<void>, ErrorCode]>([
    ['text', (path) => writeFileSync(path, `${secret}\n`.repeat(1_000)), 'TIDINGS_STORE_CORRUPT'],
    [
      'random bytes',
      (path) => writeFileSync(path, Buffer.from(Array.from({ length: 50_000 }, (_, at) => (at * 7_919) % 251))),
      'TIDINGS_STORE_CORRUPT',
    ],
    ['only a header', (path) => writeFileSync(path, 'SQLite format 3\0'), 'TIDINGS_STORE_CORRUPT'],
    [
      'a header and nonsense',
      (path) => writeFileSync(path, Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(8_176, 0xa5)])),
      'TIDINGS_STORE_CORRUPT',
    ],
    ['a folder', (path) => mkdirSync(path), 'TIDINGS_STORE_UNAVAILABLE'],
    [
      'the database of another program',
      (path) => foreign(path, 'pragma application_id = 42; create table mine (a)'),
      'TIDINGS_INVALID_OPTION',
    ],
    ['a file of a newer version', async (path) => copyFileSync(await newer(), path), 'TIDINGS_STORE_NEWER'],
  ])('%s: is refused by code, and left as it is', async (_, make, code) => {
    const path = file()
    await make(path)
    const before = statSync(path).isFile() ? readFileSync(path) : undefined
    const failure = await use(path)
    expectCoded(failure, code)
    expect((failure as Error).message).toContain(path)
    if (before !== undefined) expect(readFileSync(path).equals(before)).toBe(true)
  })

  it('an empty file becomes one of ours', async () => {
    const path = file()
    writeFileSync(path, '')
    expect(await use(path)).toBeUndefined()
  })

  it('a folder that does not exist is told', async () => {
    const failure = await use(join(folder(), 'missing', 'tidings.db'))
    expectCoded(failure, 'TIDINGS_STORE_UNAVAILABLE')
    expect((failure as Error).message).toContain('folder exists')
  })
})

function foreign(path: string, text: string): void {
  const database = new DatabaseSync(path)
  database.exec(text)
  database.close()
}

async function newer(): Promise<string> {
  const path = await filled(10)
  foreign(path, 'pragma user_version = 9999')
  return path
}

describe('a file that was damaged', () => {
  const sizes = [0.05, 0.3, 0.5, 0.9]

  it.each(sizes)(
    'cut to %d of its size: told by code at opening or reading, nothing crashes, and what can be told is told',
    async (part) => {
      const path = await filled()
      truncateSync(path, Math.floor((statSync(path).size * part) / 4_096) * 4_096 + 100)
      const failure = await use(path)
      expectCoded(failure, 'TIDINGS_STORE_CORRUPT')
      const report = await failureOf(() => inspectSqlite(path))
      if (report !== undefined) expectCoded(report, 'TIDINGS_STORE_CORRUPT')
    },
  )

  it('with nonsense in the middle of its pages: is told by code, and publishing says what it can still do', async () => {
    const path = await filled()
    const bytes = readFileSync(path)
    bytes.fill(0xa5, Math.floor(bytes.length * 0.3), Math.floor(bytes.length * 0.6))
    writeFileSync(path, bytes)
    const failure = await use(path)
    expectCoded(failure, 'TIDINGS_STORE_CORRUPT')
    const report = await inspectSqlite(path)
    expect(report.findings.length).toBeGreaterThan(0)
    expect(JSON.stringify(report)).not.toContain(secret)
  })

  it('whose write-ahead log is nonsense: that is passed over, the file counts', async () => {
    const path = await filled(50)
    writeFileSync(`${path}-wal`, Buffer.alloc(20_000, 0xa5))
    expect(await use(path)).toBeUndefined()
    const { bus } = await open({ path })
    expect(await countOf(bus)).toBe(50)
  })

  it('while a bus runs on it: handlers and publishers are told, and the process goes on', async () => {
    const path = await filled(2_000)
    const { bus, logged } = await open({ path })
    bus.subscribe(Placed, { name: 'all', from: 'beginning', timeout: '1s' }, () => {})
    const bytes = readFileSync(path)
    bytes.fill(0xa5, 8_192)
    writeFileSync(path, bytes)
    const failures = [
      await failureOf(() => bus.start()),
      await failureOf(() => countOf(bus)),
      await failureOf(() => bus.publish(Placed, { id: 'o-1' }, { deadline: '1s' })),
    ]
    const codes = failures
      .filter((failure) => failure !== undefined)
      .map((failure) => (isTidingsError(failure) ? failure.code : failure))
    expect(codes.length).toBeGreaterThan(0)
    for (const code of codes)
      expect(['TIDINGS_STORE_CORRUPT', 'TIDINGS_STORE_UNAVAILABLE', 'TIDINGS_CLOSED']).toContain(code)
    expect(logged()).not.toContain(secret)
    const began = performance.now()
    await bus.close({ deadline: 2_000 })
    expect(performance.now() - began).toBeLessThan(2_700)
  })
})

const disk = mkdtempSync(join(tmpdir(), 'tidings-small-disk-'))
const mounted =
  process.platform === 'linux' && spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', disk]).status === 0

describe('a full disk', () => {
  afterAll(() => {
    if (mounted) spawnSync('umount', [disk])
    rmSync(disk, { recursive: true, force: true })
  })

  const path = join(disk, 'tidings.db')
  const ballast = join(disk, 'ballast')
  const fill = (): void => {
    const { bavail, bsize } = statfsSync(disk)
    writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - 262_144)))
  }

  it('publish rejects by code, nothing is half there, handlers wait, and all goes on without a restart', {
    skip: !mounted,
    meta: { notRun: 'mounting a small disk is not permitted here' },
  }, async () => {
    const { bus } = await open({ path, publish: { tries: 1 } })
    await bus.transaction(({ tx }) => tx.sql`create table counters (key text primary key, n integer not null)`)
    const attempts: number[] = []
    bus.subscribe(Placed, { name: 'all', retry: { tries: 2, backoff: [10] } }, ({ key }, { write, attempt }) => {
      attempts.push(attempt)
      write(sql`insert into counters values (${key}, 1) on conflict do update set n = n + 1`)
    })
    await bus.start()
    const note = 'x'.repeat(2_000)
    let acknowledged = 0
    const pair = (): Promise<unknown> =>
      failureOf(async () => {
        await bus.publish([1, 2].map((half) => Placed.create({ id: `o-${acknowledged % 7}`, half, note })))
        acknowledged += 2
      })
    for (let time = 0; time < 3; time++) {
      for (let count = 0; count < 20; count++) expect(await pair()).toBeUndefined()
      fill()
      // A handler's commit may start the write-ahead log over and so make room once more: full is when it fails twice in a row.
      const failures: unknown[] = []
      for (let tries = 0; tries < 2_000 && failures.length < 2; tries++) {
        const failure = await pair()
        if (failure === undefined) failures.length = 0
        else failures.push(failure)
      }
      expect(failures).toHaveLength(2)
      for (const failure of failures) {
        expectCoded(failure, 'TIDINGS_STORE_FULL')
        expect((failure as Error).message).not.toContain(note.slice(0, 50))
      }
      expect(await countOf(bus)).toBe(acknowledged)
      rmSync(ballast)
      expect(await pair()).toBeUndefined()
    }
    expect(await countOf(bus)).toBe(acknowledged)
    const counted = async (): Promise<number> =>
      Number((await bus.transaction(({ tx }) => tx.sql`select sum(n) as n from counters`))[0]?.n)
    await expect.poll(counted, { timeout: 20_000 }).toBe(acknowledged)
    expect(new Set(attempts)).toEqual(new Set([1]))
    await bus.close()
    expect((await inspectSqlite(path)).findings).toEqual([])
  })

  it('also where only the file may not grow: the same code, and what stands stays readable', async () => {
    const small = file()
    const { bus } = await open({ path: small, store: sqlite(small, { maxBytes: 400_000 }), publish: { tries: 1 } })
    let heard = 0
    bus.subscribe(Placed, { name: 'all' }, () => void heard++)
    await bus.start()
    const publish = (): Promise<unknown> => failureOf(() => bus.publish(Placed, { id: 'o-1', note: 'x'.repeat(5_000) }))
    let acknowledged = 0
    let failure: unknown
    while ((failure = await publish()) === undefined) acknowledged++
    expectCoded(failure, 'TIDINGS_STORE_FULL')
    expect(acknowledged).toBeGreaterThan(10)
    expect(await countOf(bus)).toBe(acknowledged)
    await bus.close({ deadline: 2_000 })
    // The same file with more room: everything is there, and goes on.
    const more = await open({ path: small })
    const again: string[] = []
    more.bus.subscribe(Placed, { name: 'all' }, (event) => void again.push(event.id))
    await more.bus.start()
    const receipt = await more.bus.publish(Placed, { id: 'o-1' })
    expect(receipt.streamVersion).toBe(acknowledged + 1)
    await expect.poll(() => again).toContain(receipt.id)
    expect(heard + again.length).toBeGreaterThanOrEqual(acknowledged + 1)
  })
})
