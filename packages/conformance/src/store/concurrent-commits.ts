import assert from 'node:assert/strict'

import { type CommitResult, type Store } from 'tidings/spi'

import type { Topic } from '../suite/case.ts'
import { ids, record } from '../suite/event-records.ts'
import { same } from '../suite/same.ts'
import { commitStatus, order, readLog } from './commits.ts'
import type { StoreWorld } from './store-world.ts'

export const concurrentCommits: Topic<StoreWorld> = {
  name: 'concurrent commits',
  cases: [
    {
      promise: 'concurrent',
      title: 'of many writers who expect one version exactly one wins, and every other is told the truth',
      run: (world) => checkRace(world, [world.store]),
    },
    {
      promise: 'concurrent',
      title: 'a counter raised by many writers under its version loses no step',
      run: async (world) => {
        const { store, volumes } = world
        const raise = async (): Promise<void> => {
          for (;;) {
            const [found] = await store.find('counters', { id: 'one' })
            const version = found?.version ?? 0
            const result = await commitStatus(store, {
              expect: [{ collection: 'counters', id: 'one', version }],
              documents: [{ collection: 'counters', id: 'one', put: String(Number(found?.body ?? 0) + 1) }],
            })
            if (result.status === 'committed') return
          }
        }
        const writers = Math.min(20, volumes.writers)
        await Promise.all(
          Array.from({ length: writers }, async () => {
            for (let at = 0; at < volumes.attempts; at++) await raise()
          }),
        )
        const total = writers * volumes.attempts
        same(await store.find('counters'), [{ id: 'one', version: total, body: String(total) }])
      },
    },
    {
      promise: 'concurrent',
      title: 'calls that one caller makes one after another without waiting keep their order in a stream',
      run: async (world) => {
        const { store } = world
        const written = Array.from({ length: 60 }, () => record(world))
        await Promise.all(written.map((one) => commitStatus(store, { append: [one] })))
        const read = await store.readStream(order)
        same(new Set(ids(read)), new Set(written.map((one) => one.id)))
        same(
          read.map((event) => event.streamVersion),
          written.map((_, at) => at + 1),
        )
      },
    },
  ],
}

/** Rounds in which all writers append to one stream, each expecting the version that all have read. */
export async function checkRace(world: StoreWorld, stores: readonly Store[]): Promise<void> {
  const { volumes } = world
  const winners: string[] = []
  for (let version = 0; version < volumes.attempts; version++) {
    const written = Array.from({ length: volumes.writers }, () => record(world))
    const results = await Promise.all(
      written.map((one, at) =>
        commitStatus(stores[at % stores.length] as Store, { expect: [{ stream: order, version }], append: [one] }),
      ),
    )
    const won = written.filter((_, at) => results[at]?.status === 'committed')
    assert.equal(won.length, 1, `one winner at version ${version}`)
    winners.push((won[0] as (typeof won)[0]).id)
    for (const result of results) checkAnswer(result, version)
  }
  for (const store of stores) {
    const read = await store.readStream(order)
    same(ids(read), winners)
    same(
      read.map((event) => event.streamVersion),
      winners.map((_, at) => at + 1),
    )
    same(ids(await readLog(store)), winners)
  }
}

function checkAnswer(result: CommitResult, version: number): void {
  if (result.status === 'committed') assert.equal(result.events[0]?.streamVersion, version + 1)
  else same(result, { status: 'conflict', expectation: { stream: order, version }, actual: version + 1 })
}
