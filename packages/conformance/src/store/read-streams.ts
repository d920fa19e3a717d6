import type { Topic } from '../suite/case.ts'
import { record, records } from '../suite/event-records.ts'
import { same } from '../suite/same.ts'
import { commitOne, order, orderStream } from './commits.ts'
import type { StoreWorld } from './store-world.ts'

export const readStreams: Topic<StoreWorld> = {
  name: 'reading streams',
  cases: [
    {
      promise: 'streams',
      title: 'forward and backward, from a version inclusive, up to a limit',
      run: async (world) => {
        const { store } = world
        for (let at = 0; at < 10; at++)
          await commitOne(store, { append: [record(world), record(world, { key: 'other' })] })
        const read = async (query: Parameters<typeof store.readStream>[1]): Promise<number[]> =>
          (await store.readStream(order, query)).map((event) => event.streamVersion)
        const all = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
        same(await read(undefined), all)
        same(await read({ from: 1 }), all)
        same(await read({ from: 0 }), all)
        same(await read({ from: 4 }), all.slice(3))
        same(await read({ from: 4, limit: 2 }), [4, 5])
        same(await read({ from: 10 }), [10])
        same(await read({ from: 11 }), [])
        same(await read({ limit: 3 }), [1, 2, 3])
        same(await read({ reverse: true }), all.toReversed())
        same(await read({ reverse: true, limit: 3 }), [10, 9, 8])
        same(await read({ reverse: true, from: 4 }), [4, 3, 2, 1])
        same(await read({ reverse: true, from: 4, limit: 2 }), [4, 3])
        same(await read({ reverse: true, from: 1 }), [1])
        same(await read({ reverse: true, from: 0 }), [])
        same(await read({ reverse: true, from: 99, limit: 2 }), [10, 9])
        same(await read({ limit: 0 }), [])
        same(await read({ limit: 0, reverse: true }), [])
      },
    },
    {
      promise: 'streams',
      title: 'unknown ones are empty',
      run: async ({ store }) => {
        same(await store.readStream(orderStream('nobody')), [])
        same(await store.readStream(orderStream('nobody'), { from: 3, reverse: true }), [])
      },
    },
    {
      promise: 'streams',
      title: 'come 500 at a time where no limit is named',
      run: async (world) => {
        const { store } = world
        await commitOne(store, { append: records(world, 501) })
        const forward = await store.readStream(order)
        same([forward.length, forward.at(-1)?.streamVersion], [500, 500])
        const backward = await store.readStream(order, { reverse: true })
        same([backward.length, backward[0]?.streamVersion, backward.at(-1)?.streamVersion], [500, 501, 2])
      },
    },
    {
      promise: 'streams',
      title: 'page by page give every event once',
      run: async (world) => {
        const { store, volumes } = world
        await commitOne(store, { append: records(world, volumes.events) })
        const seen: number[] = []
        for (let from = 1; ; ) {
          const page = await store.readStream(order, { from, limit: 41 })
          if (page.length === 0) break
          seen.push(...page.map((event) => event.streamVersion))
          from = (seen.at(-1) ?? 0) + 1
        }
        same(
          seen,
          Array.from({ length: volumes.events }, (_, at) => at + 1),
        )
      },
    },
  ],
}
