import { expect, test } from 'vitest'

import { seedFrom } from './seed.ts'
import { sizeFrom, volumesOf } from './volumes.ts'

test('the size is quick unless the environment names another; anything else is refused', () => {
  expect([sizeFrom({}), sizeFrom({ TIDINGS_CONFORMANCE: 'soak' })]).toEqual(['quick', 'soak'])
  for (const bad of ['', 'Quick', '__proto__', 'toString']) {
    expect(() => sizeFrom({ TIDINGS_CONFORMANCE: bad })).toThrow('quick, full or soak')
  }
})

test('each size does more than the one before', () => {
  const [quick, full, soak] = [volumesOf('quick'), volumesOf('full'), volumesOf('soak')]
  for (const name of Object.keys(quick) as (keyof typeof quick)[]) {
    expect(full[name]).toBeGreaterThanOrEqual(quick[name])
    expect(soak[name]).toBeGreaterThan(quick[name])
  }
})

test('the seed is that of the environment, else one for the whole process; anything else is refused', () => {
  expect(seedFrom({ TIDINGS_CONFORMANCE_SEED: '42' })).toBe(42)
  expect(seedFrom({})).toBe(seedFrom({}))
  for (const bad of ['x', '-1', '1.5'])
    expect(() => seedFrom({ TIDINGS_CONFORMANCE_SEED: bad })).toThrow('whole number')
})
