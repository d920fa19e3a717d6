import { describe, expect, it } from 'vitest'

import { realRuntime } from './real-runtime.ts'

describe('ids of the real runtime', () => {
  const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

  it('are UUIDs of version 7 that ascend and never repeat, far beyond what is drawn at once', () => {
    const runtime = realRuntime()
    const ids = Array.from({ length: 5_000 }, () => runtime.id())
    expect(ids.every((id) => uuid.test(id))).toBe(true)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids).toEqual(ids.toSorted())
  })

  it('end in numbers of chance', () => {
    const runtime = realRuntime()
    const endings = new Set(Array.from({ length: 5_000 }, () => runtime.id(1_767_225_600_000).slice(-8)))
    // Two of five thousand among 2^32 are equal about once in 350 runs; ten never are.
    expect(endings.size).toBeGreaterThan(4_990)
    expect(endings.has('00000000')).toBe(false)
  })

  it('carry the time they are asked for', () => {
    const id = realRuntime().id(1_767_225_600_000)
    expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(1_767_225_600_000)
  })

  it('go on where the clock steps back a little, and begin anew where it steps back far', () => {
    const runtime = realRuntime()
    const ids = [runtime.id(1_767_225_600_000), runtime.id(1_767_225_599_000), runtime.id(1_767_225_500_000)]
    expect(ids[1]! > ids[0]!).toBe(true)
    expect(ids[2]! < ids[0]!).toBe(true)
  })
})
