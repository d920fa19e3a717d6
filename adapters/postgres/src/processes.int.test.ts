import { eventually } from '@tidings/conformance'
import { mulberry32 } from 'tidings/spi'
import { afterEach, describe, expect, it } from 'vitest'

import { without } from '../../../tools/servers/index.ts'
import { append, atEnd, cleanUp, commitOne, newSchema, open, statement, urlOf } from '../tests/postgres-world.ts'
import { record } from '../tests/records.ts'
import { startWriter, type WritingProcess } from '../tests/writing-process.ts'
import type { PostgresStore } from './postgres-store.ts'

afterEach(cleanUp)

const patience = { deadline: 20_000 }

async function world(): Promise<{ schema: string; store: PostgresStore }> {
  const schema = newSchema()
  const store = await open(schema)
  await commitOne(store, { statements: [statement(['create table tick (name text, n int)'])] })
  return { schema, store }
}

function writerIn(schema: string, name: string, units?: number): WritingProcess {
  const writer = startWriter(urlOf(schema), name, units)
  atEnd(() => writer.kill())
  return writer
}

/** What the store holds of a writer: its events, and the counter that each of its units raised with them. */
async function holds(store: PostgresStore, name: string): Promise<{ events: number; counted: number }> {
  let events = 0
  for (let from = 1; ; ) {
    const page = await store.readStream({ tenant: '', category: 'tick', key: name }, { from })
    const last = page.at(-1)
    if (last === undefined) break
    expect(page.map((event) => event.streamVersion)).toEqual(page.map((_, at) => from + at))
    events += page.length
    from = last.streamVersion + 1
  }
  const [count] = await store.find('count', { by: { index: 'total', upTo: Number.MAX_SAFE_INTEGER }, id: name })
  return { events, counted: Number(count?.body ?? 0) }
}

describe('processes that share a store', without('postgres'), () => {
  it('write side by side, and a third one that watches hears of all of it in order', async () => {
    const { schema, store } = await world()
    const seen: number[] = []
    let after = 0
    const follow = async (): Promise<void> => {
      for (;;) {
        const page = await store.readAll({ after, limit: 50 })
        if (page.through === after) return
        seen.push(...page.events.map((event) => event.position))
        after = page.through
      }
    }
    let following = Promise.resolve()
    const stop = store.watch(() => void (following = following.then(follow)))
    const writers = [writerIn(schema, 'a', 60), writerIn(schema, 'b', 60)]
    expect(await Promise.all(writers.map((writer) => writer.ended()))).toEqual([0, 0])
    const total = writers.reduce((sum, writer) => sum + writer.acknowledged(), 0)
    // No reading of our own here: the watcher alone must come to the end.
    await eventually(() => seen.length >= total, patience)
    stop()
    await following
    expect(seen).toEqual(Array.from({ length: total }, (_, at) => at + 1))
    for (const [at, name] of ['a', 'b'].entries()) {
      const count = writers[at]?.acknowledged()
      expect(await holds(store, name)).toEqual({ events: count, counted: count })
    }
  })

  const seed = Math.floor(Math.random() * 1_000_000)
  it(`lose nothing acknowledged and leave nothing half when killed (seed ${seed})`, async () => {
    const random = mulberry32(seed)
    const { schema, store } = await world()
    for (let round = 0; round < 4; round++) {
      const writer = writerIn(schema, 'killed')
      await writer.said(2 + Math.floor(random() ** 2 * 30))
      await writer.kill()
      const { events, counted } = await holds(store, 'killed')
      expect(counted).toBe(events)
      expect(events).toBeGreaterThanOrEqual(writer.acknowledged())
    }
  })

  it('hold nobody up for good when stopped in the middle of their work', async () => {
    const { schema, store } = await world()
    for (let round = 0; round < 3; round++) {
      const writer = writerIn(schema, `stopped-${round}`)
      await writer.said(3)
      writer.pause()
      for (let more = 0; more < 5; more++) await append(store, record())
      await writer.kill()
    }
  })
})
