import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { inspectSqlite } from '@tidings/sqlite'
import { mulberry32 } from 'tidings/spi'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { runChild } from './child-process.ts'
import { printedSeed } from './seed.ts'

const rounds = 20
const program = fileURLToPath(new URL('counting-service.ts', import.meta.url))

describe('kill -9 under load', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-kill-'))
  const file = join(folder, 'tidings.db')
  const seed = printedSeed('kill -9')
  const random = mulberry32(seed)
  const acknowledged: string[] = []
  let database: DatabaseSync

  beforeAll(async () => {
    for (let round = 1; round <= rounds; round++) {
      const child = runChild(program, [file, String(round * 1_000_000), 'publish'])
      await child.line('ready')
      await pause(100 + Math.floor(random() * 900))
      child.process.kill('SIGKILL')
      await child.gone
      for (const line of child.lines) if (line.startsWith('ack ')) acknowledged.push(line)
    }
    const last = runChild(program, [file, '0', 'drain'])
    await last.line('drained', 60_000)
    expect(await last.gone).toEqual({ code: 0, signal: null })
    database = new DatabaseSync(file, { readOnly: true })
  }, 180_000)

  afterAll(() => {
    database?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('has acknowledged something in most rounds', () => {
    const hit = new Set(acknowledged.map((line) => Math.floor(Number(line.split(' ')[3]) / 1_000_000)))
    expect(hit.size).toBeGreaterThan(rounds / 2)
  })

  it('loses no acknowledged publish', () => {
    const stored = new Set(
      database
        .prepare('select id from tidings_events')
        .all()
        .map((row) => row.id),
    )
    expect(acknowledged.filter((line) => !stored.has(line.split(' ')[1] as string))).toEqual([])
  })

  it('handles each event once, and in order per stream', () => {
    const published = new Map<string, number>()
    for (const row of database.prepare('select data from tidings_events').all()) {
      const { counter } = JSON.parse(String(row.data)) as { counter: string }
      published.set(counter, (published.get(counter) ?? 0) + 1)
    }
    const counted = new Map(
      database
        .prepare('select counter, n from counters where n > 0')
        .all()
        .map((row) => [row.counter as string, row.n as number]),
    )
    expect(counted).toEqual(published)
    expect(database.prepare('select sum(disordered) as disordered from counters').get()).toEqual({ disordered: 0 })
    expect(
      database.prepare("select count(*) as parked from tidings_documents where collection = 'parked'").get(),
    ).toEqual({ parked: 0 })
  })

  it('leaves a sound file', async () => {
    const report = await inspectSqlite(file)
    expect(report.findings).toEqual([])
  })
})
