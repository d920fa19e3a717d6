import { describe, expect, it } from 'vitest'

import { type Peer, shareOut } from './share-out.ts'

const peers = (count: number): Peer[] => Array.from({ length: count }, (_, at) => ({ id: `m-${at}`, since: at }))

function sizes(owners: readonly string[]): number[] {
  return [...Map.groupBy(owners, (owner) => owner).values()].map(({ length }) => length)
}

describe('sharing partitions out', () => {
  it('gives everybody as many as anybody, or one less', () => {
    for (let members = 1; members <= 12; members++) {
      for (const partitions of [1, 2, 7, 8, 64]) {
        const counts = sizes(shareOut(peers(members), partitions, false))
        expect(counts.reduce((sum, one) => sum + one, 0)).toBe(partitions)
        expect(counts).toHaveLength(Math.min(members, partitions))
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
      }
    }
  })

  it('is the same for everybody, in whichever order they know the others', () => {
    const members = peers(5)
    const plan = shareOut(members, 16, false)
    expect(shareOut(members.toReversed(), 16, false)).toEqual(plan)
  })

  it('takes from others only what a newcomer gets', () => {
    for (let members = 1; members < 8; members++) {
      const before = shareOut(peers(members), 24, false)
      const after = shareOut(peers(members + 1), 24, false)
      for (const [partition, owner] of after.entries())
        if (owner !== `m-${members}`) expect(owner).toBe(before[partition])
    }
  })

  it('leaves everything to the eldest where one must have it all', () => {
    expect(new Set(shareOut(peers(3).toReversed(), 8, true))).toEqual(new Set(['m-0']))
  })
})
