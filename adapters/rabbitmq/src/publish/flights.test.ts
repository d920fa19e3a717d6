import { mulberry32 } from 'tidings/spi'
import { expect, it } from 'vitest'

import { Flights } from './flights.ts'

it('each flight ends once, in whatever order and however many at a time (seeds 1 to 30)', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = mulberry32(seed)
    const flights = new Flights<number>()
    const ended: number[] = []
    let begun = 0
    const flying = new Set<number>()
    for (let step = 0; step < 200; step++) {
      if (random() < 0.5 || flying.size === 0) {
        flights.begin(++begun)
        flying.add(begun)
      } else {
        const tag = [...flying][Math.floor(random() * flying.size)] as number
        const multiple = random() < 0.2
        const expected = multiple ? [...flying].filter((one) => one <= tag) : [tag]
        for (const one of expected) flying.delete(one)
        const before = ended.length
        flights.end(tag, multiple, (item) => ended.push(item))
        expect(ended.slice(before), `seed ${seed}`).toEqual(expected)
      }
      expect(flights.size).toBe(flying.size)
    }
    expect(flights.all()).toEqual([...flying])
  }
})

it('numbers that are not on their way end nothing', () => {
  const flights = new Flights<string>()
  flights.begin('one')
  for (const tag of [0, 2, -1, Number.NaN]) flights.end(tag, false, () => expect.unreachable())
  flights.begin('two')
  const ended: string[] = []
  flights.end(Number.MAX_SAFE_INTEGER, true, (item) => ended.push(item))
  expect(ended).toEqual(['one', 'two'])
  flights.end(1, true, () => expect.unreachable())
  expect(flights.size).toBe(0)
})
