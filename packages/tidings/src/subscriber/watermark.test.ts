import { describe, expect, it } from 'vitest'

import { Watermark } from './watermark.ts'

describe('the watermark', () => {
  it('takes each delivery once, however often a transport brings it', () => {
    const watermark = new Watermark({ watermark: 3, done: [] })
    const first = watermark.enter(5)
    expect(first).toBeDefined()
    expect([watermark.enter(5), watermark.enter(4), watermark.enter(3)]).toEqual([undefined, undefined, undefined])
    expect(watermark.progress().watermark).toBe(4)
    Object.assign(first as object, { done: true })
    expect(watermark.trim()).toBe(5)
  })

  it('repeats nothing that was done above it before a restart, and forgets those ranges when it has passed them', () => {
    const watermark = new Watermark({ watermark: 3, done: [[5, 6]] })
    expect([4, 5, 6, 7].map((offset) => watermark.enter(offset)?.offset)).toEqual([4, undefined, undefined, 7])
    expect(watermark.progress()).toEqual({ watermark: 3, done: [[5, 6]] })
  })
})
