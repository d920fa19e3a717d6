import { describe, expect, it } from 'vitest'

import { median, quantile, ratioOf, spreadOf } from './statistics.ts'

describe('statistics', () => {
  it('finds the middle of odd and even counts, in any order', () => {
    expect(median([9, 1, 5])).toBe(5)
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(median([])).toBeNaN()
  })

  it('interpolates between the values beside the place', () => {
    expect(quantile([10, 20, 30, 40, 50], 0)).toBe(10)
    expect(quantile([10, 20, 30, 40, 50], 1)).toBe(50)
    expect(quantile([10, 20], 0.99)).toBeCloseTo(19.9)
  })

  it('tells the extremes beside the median', () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, least: 1, most: 3 })
  })

  it('compares round by round, so that a slow moment of both does not count', () => {
    expect(ratioOf([10, 1], [20, 2])).toEqual({ median: 0.5, least: 0.5, most: 0.5 })
  })
})
