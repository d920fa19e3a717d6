import { expect, it } from 'vitest'

import { Bag } from './bag.ts'
import { mulberry32 } from './virtual-runtime.ts'

it('holds what was added and not deleted, like a Set', () => {
  const seed = Math.floor(Math.random() * 2 ** 32)
  process.stdout.write(`bag: seed ${seed}\n`)
  const random = mulberry32(seed)
  const items = Array.from({ length: 20 }, (_, name) => ({ name, place: -1 }))
  const bag = new Bag<{ name: number; place: number }>()
  const set = new Set<{ name: number; place: number }>()
  for (let step = 0; step < 2_000; step++) {
    const item = items[Math.floor(random() * items.length)] as { name: number; place: number }
    if (random() < 0.5) {
      bag.add(item)
      set.add(item)
    } else expect(bag.delete(item)).toBe(set.delete(item))
    expect(bag.size).toBe(set.size)
  }
  expect(new Set(bag.all())).toEqual(set)
})

it('does not delete from one bag what lies in another', () => {
  const [one, other] = [new Bag<{ place: number }>(), new Bag<{ place: number }>()]
  const item = { place: -1 }
  one.add(item)
  other.add({ place: -1 })
  expect(other.delete(item)).toBe(false)
  expect(one.all()).toEqual([item])
})
