import { silentLog } from 'tidings/spi'
import { expect, it } from 'vitest'

import { Beginning } from './beginning.ts'
import type { Bounds } from './bounds.ts'
import { DoneOffsets } from './done-offsets.ts'
import type { Fetcher } from './fetcher.ts'
import type { Term } from './term.ts'

const term = (partition: number): Term => ({
  place: `order/${partition}`,
  topic: 'order',
  topicId: 'id',
  partition,
  number: partition,
  stage: 'assigning',
  sought: undefined,
})

it('says nothing to the group of a partition that was taken away while the broker was asked where it ends', async () => {
  const asked = Promise.withResolvers<void>()
  const answered = Promise.withResolvers<ReadonlyMap<Term['place'], number>>()
  const offsets = new DoneOffsets()
  const started: number[] = []
  const beginning = new Beginning({
    sink: { assigned: async (partitions) => partitions.map(() => -1) },
    bounds: {
      locate() {
        asked.resolve()
        return answered.promise
      },
    } as unknown as Bounds,
    fetcher: { start: ({ number }: { number: number }) => void started.push(number) } as unknown as Fetcher,
    offsets,
    start: 'end',
    log: silentLog,
    open: () => true,
    told: () => {},
    pause: () => Promise.resolve(),
  })
  const [kept, lost] = [term(0), term(1)]
  await beginning.assign([kept, lost])
  await asked.promise
  lost.stage = 'leaving'
  offsets.forget(lost.place)
  answered.resolve(
    new Map([
      [kept.place, 7],
      [lost.place, 9],
    ]),
  )
  await expect.poll(() => started).toEqual([0])
  expect([...offsets.untold()]).toEqual([[kept.place, 7]])
})
