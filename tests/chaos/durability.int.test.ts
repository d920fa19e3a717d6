import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { sqlite } from '@tidings/sqlite'
import { createEventBus, sql } from 'tidings'
import { mulberry32 } from 'tidings/spi'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { Disk, type Fate, type Files } from './power-cut.ts'
import { printedSeed } from './seed.ts'
import { cannotRecord, record, type Step } from './syscall-record.ts'

const program = fileURLToPath(new URL('durable-service.ts', import.meta.url))
const events = 400
const cuts = 80
const missing = cannotRecord()

describe('durability, seen from outside', { skip: missing !== undefined, meta: { notRun: missing ?? '' } }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-durable-'))
  const seed = printedSeed('durability')
  const steps = new Map<string, Step[]>()
  const recorded = (durability: string): { steps: readonly Step[]; wal: string } => ({
    steps: steps.get(durability) as Step[],
    wal: join(folder, durability, 'tidings.db-wal'),
  })

  beforeAll(async () => {
    for (const durability of ['full', 'normal', 'off']) {
      mkdirSync(join(folder, durability))
      const file = join(folder, durability, 'tidings.db')
      steps.set(durability, await record(program, [file, durability, String(events)], file))
    }
  }, 120_000)

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.each(['full', 'normal', 'off'])('%s: the record holds what the claims below need', (durability) => {
    const { steps: made, wal } = recorded(durability)
    expect(made.filter((step) => acknowledged(step) !== undefined)).toHaveLength(events)
    // The log was written into the database and begun anew more than once.
    expect(
      made.filter((step) => step.kind === 'write' && step.path === wal && step.offset === 0).length,
    ).toBeGreaterThan(1)
  })

  it('full: before each acknowledgement stands a sync of the log that holds the event', () => {
    const { steps: made, wal } = recorded('full')
    const acks = new Map<string, number>()
    made.forEach((step, at) => {
      const id = acknowledged(step)
      if (id !== undefined) acks.set(id, at)
    })
    const disk = new Disk()
    const written = new Map<string, number>()
    const proved = new Set<string>()
    made.forEach((step, at) => {
      disk.play(step)
      if (step.kind === 'write' && step.path === wal)
        for (const id of idsIn(step.bytes)) if (!written.has(id)) written.set(id, at)
      if (step.kind === 'sync' && step.path === wal)
        for (const [id, since] of written) if (since < at && at < (acks.get(id) ?? -1)) proved.add(id)
      const id = acknowledged(step)
      if (id === undefined) return
      expect(proved.has(id), `a sync between writing ${id} and its acknowledgement`).toBe(true)
      // Not only its first page: nothing at all of the log is still on its way.
      expect(disk.isDirty(wal)).toBe(false)
    })
    expect(proved.size).toBe(events)
  })

  it('off: the log is never synchronised, and acknowledgements do not wait for the disk', () => {
    const { steps: made, wal } = recorded('off')
    expect(made.filter((step) => step.kind === 'sync' && step.path === wal)).toEqual([])
  })

  it.each<[Fate]>([['lost'], ['torn'], ['kept']])(
    'full: no power cut takes an acknowledged event, unsynced writes %s',
    (fate) => {
      for (const [acked, files, where] of powerCuts('full', fate)) {
        const { ids, sound } = read(files, where)
        expect(sound, `${where} opens sound`).toBe('ok')
        expect(
          acked.filter((id) => !ids.has(id)),
          `${where} holds all that was acknowledged`,
        ).toEqual([])
      }
    },
  )

  it('full: after a power cut, what is left is handled exactly once', async () => {
    let handled = 0
    for (const [acked, files, where] of powerCuts('full', 'torn', 6)) {
      if (acked.length === 0) continue
      handled += await drain(files, where)
    }
    expect(handled).toBeGreaterThan(events)
  })

  it('normal: a power cut may take the last events, but leaves a sound file', () => {
    let lost = 0
    for (const [acked, files, where] of powerCuts('normal', 'torn')) {
      const { ids, sound } = read(files, where)
      expect(sound, `${where} opens sound`).toBe('ok')
      lost += acked.filter((id) => !ids.has(id)).length
    }
    expect(lost).toBeGreaterThan(0)
  })

  it.each(['normal', 'off'])('%s: the death of the process alone takes nothing', (durability) => {
    for (const [acked, files, where] of powerCuts(durability, 'kept')) {
      const { ids } = read(files, where)
      expect(acked.filter((id) => !ids.has(id))).toEqual([])
    }
  })

  it.each<[Fate]>([['lost'], ['torn']])(
    'off: a power cut does take acknowledged events, unsynced writes %s: the simulator has teeth',
    (fate) => {
      let lossy = 0
      for (const [acked, files, where] of powerCuts('off', fate)) {
        const { ids } = read(files, where)
        if (acked.some((id) => !ids.has(id))) lossy++
      }
      expect(lossy).toBeGreaterThan(cuts / 2)
    },
  )

  /** Cuts right behind acknowledgements and anywhere between: what had been acknowledged, what the disk holds, and a name for messages. */
  function* powerCuts(
    durability: string,
    fate: Fate,
    count = cuts,
  ): Generator<[acked: readonly string[], files: Files, where: string]> {
    const random = mulberry32(seed)
    const { steps: made } = recorded(durability)
    const acks = made.flatMap((step, at) => (acknowledged(step) === undefined ? [] : [at]))
    const places = new Set(
      Array.from({ length: count }, (_, at) =>
        at % 2 === 0 ? (acks[Math.floor(random() * acks.length)] as number) : Math.floor(random() * made.length),
      ),
    )
    const disk = new Disk()
    const acked: string[] = []
    for (const [at, step] of made.entries()) {
      disk.play(step)
      const id = acknowledged(step)
      if (id !== undefined) acked.push(id)
      if (places.has(at))
        yield [acked, disk.cut(fate, random), `the disk after step ${at} of ${durability}, ${fate}, seed ${seed}`]
    }
  }

  /** Puts the files where SQLite can open them, uses them, and removes them. */
  function laidOut<Result>(files: Files, use: (file: string) => Result): Result {
    const place = mkdtempSync(join(folder, 'cut-'))
    // The index of the log lives in memory that is shared, and is made anew.
    for (const [path, content] of files) if (!path.endsWith('-shm')) writeFileSync(join(place, basename(path)), content)
    const done = (): void => rmSync(place, { recursive: true, force: true })
    const result = use(join(place, 'tidings.db'))
    if (result instanceof Promise) return result.finally(done) as Result
    done()
    return result
  }

  function read(files: Files, where: string): { ids: ReadonlySet<string>; sound: string } {
    return laidOut(files, (file) => {
      let database: DatabaseSync | undefined
      try {
        database = new DatabaseSync(file)
        const sound = Object.values(database.prepare('pragma integrity_check').get() ?? {})[0] as string
        const tables = database.prepare("select name from sqlite_master where name = 'tidings_events'").all().length
        const ids = tables === 0 ? [] : database.prepare('select id from tidings_events').all()
        return { ids: new Set(ids.map((row) => row.id as string)), sound }
      } catch (error) {
        return { ids: new Set<string>(), sound: `${where}: ${(error as Error).message}` }
      } finally {
        database?.close()
      }
    })
  }

  /** Lets a bus finish what the dead one left, and compares counters with events. Returns how many events there are. */
  function drain(files: Files, where: string): Promise<number> {
    return laidOut(files, async (file) => {
      const bus = await createEventBus({ store: sqlite(file), source: '/chaos', transport: { lease: '300ms' } })
      bus.subscribe('counter.counted', { name: 'counting', from: 'beginning' }, (event, { write }) => {
        const { counter } = event.data as { counter: string }
        write(sql`insert into counters values (${counter}, 1) on conflict do update set n = n + 1`)
      })
      await bus.start()
      const published = new Map<string, number>()
      for await (const event of bus.store.readAll()) {
        const { counter } = event.data as { counter: string }
        published.set(counter, (published.get(counter) ?? 0) + 1)
      }
      const total = [...published.values()].reduce((sum, count) => sum + count, 0)
      const counted = (): Promise<Map<string, number>> =>
        bus.transaction(
          async ({ tx }) =>
            new Map(
              (await tx.sql`select counter, n from counters`).map((row) => [row.counter as string, row.n as number]),
            ),
        )
      await expect
        .poll(async () => [...(await counted()).values()].reduce((sum, count) => sum + count, 0), {
          timeout: 10_000,
          interval: 20,
          message: where,
        })
        .toBe(total)
      await bus.close()
      const database = new DatabaseSync(file, { readOnly: true })
      const rows = database.prepare('select counter, n from counters').all()
      database.close()
      expect(new Map(rows.map((row) => [row.counter as string, row.n as number])), where).toEqual(published)
      return total
    })
  }
})

function acknowledged(step: Step): string | undefined {
  return step.kind === 'said' ? /^ack (\S+)\n$/.exec(step.text)?.[1] : undefined
}

/** Ids of events that these bytes hold. */
function idsIn(bytes: Buffer): Iterable<string> {
  return bytes.toString('latin1').match(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g) ?? []
}
