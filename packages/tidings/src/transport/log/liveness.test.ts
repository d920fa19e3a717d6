import { describe, expect, it } from 'vitest'

import { type VirtualRuntime, virtualRuntime } from '../../kernel/virtual-runtime.ts'
import type { StoredDocument } from '../../store/store.ts'
import { Liveness } from './liveness.ts'

const lease = 3_000

describe('liveness', () => {
  it('believes a stranger until its wall time is over, or its lease stands still', async () => {
    const { runtime, liveness } = world()
    const now = runtime.now()
    liveness.look([
      document('fresh', 1, now + 2_000),
      document('over', 1, now - 1),
      document('ahead', 1, now + 3_600_000),
    ])
    expect(liveness.members('g')).toEqual(['ahead', 'fresh'])
    expect(liveness.nextDeath('ahead')).toBe(2_000)
    await runtime.advance(2_000)
    expect(liveness.members('g')).toEqual(['ahead'])
    await runtime.advance(1_000)
    expect(liveness.members('g')).toEqual([])
    expect(liveness.nextDeath('nobody')).toBeUndefined()
  })

  it('judges whom it saw renewing by its own clock, whatever the wall clock does', async () => {
    const { runtime, liveness } = world()
    liveness.look([document('a', 1, runtime.now() + lease)])
    await runtime.advance(1_000)
    liveness.look([document('a', 2, runtime.now() + lease)])
    runtime.jump(3_600_000)
    expect(liveness.alive('a')).toBe(true)
    await runtime.advance(1_999)
    expect(liveness.alive('a')).toBe(true)
    await runtime.advance(1)
    // Its wall time is over, and two beats are missing.
    expect(liveness.alive('a')).toBe(false)
    liveness.look([document('a', 3, runtime.now() - 3_600_000)])
    expect(liveness.alive('a')).toBe(true)
    runtime.jump(-7_200_000)
    await runtime.advance(lease)
    expect(liveness.alive('a')).toBe(false)
  })

  it('goes by the lease that the other one goes by', async () => {
    const { runtime, liveness } = world()
    liveness.look([document('slow', 1, runtime.now() + 60_000, 60_000)])
    await runtime.advance(59_999)
    expect(liveness.alive('slow')).toBe(true)
    await runtime.advance(1)
    expect(liveness.alive('slow')).toBe(false)
  })

  it('knows groups, forgets who is gone, and passes over what it cannot read', async () => {
    const { runtime, liveness } = world()
    const until = runtime.now() + lease
    liveness.look([
      document('a', 1, until),
      { id: 'x', version: 1, body: 'nonsense' },
      { id: 'y', version: 1, body: '{"until":"late"}' },
    ])
    expect(liveness.members('g')).toEqual(['a'])
    expect(liveness.members('other')).toEqual([])
    expect(liveness.alive('x')).toBe(false)
    expect(liveness.forgotten()).toEqual([])
    await runtime.advance(10 * lease + 1)
    expect(liveness.forgotten()).toEqual([{ id: 'a', version: 1 }])
    liveness.look([])
    expect(liveness.forgotten()).toEqual([])
    expect(liveness.alive('a')).toBe(false)
  })
})

function world(): { runtime: VirtualRuntime; liveness: Liveness } {
  const runtime = virtualRuntime({ seed: 1 })
  return { runtime, liveness: new Liveness(runtime, lease) }
}

function document(id: string, version: number, until: number, own = lease): StoredDocument {
  return { id, version, body: JSON.stringify({ until, lease: own, groups: ['g'], beat: version }) }
}
