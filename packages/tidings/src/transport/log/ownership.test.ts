import { describe, expect, it } from 'vitest'

import { mulberry32 } from '../../kernel/virtual-runtime.ts'
import { type Owners, ownersText, parseOwners, planOf } from './ownership.ts'

describe('ownership', () => {
  it('reads back what it writes, and takes what it cannot read as free', () => {
    const owners: Owners = [
      { instance: 'a', epoch: 3 },
      { instance: '', epoch: 7 },
    ]
    expect(parseOwners(ownersText(owners), 2)).toEqual(owners)
    const free = { instance: '', epoch: 0 }
    for (const body of [
      undefined,
      '',
      '{',
      '{}',
      '{"partitions":{"0":{"instance":1,"epoch":1},"1":{"instance":"a"}}}',
    ]) {
      expect(parseOwners(body, 2)).toEqual([free, free])
    }
  })

  it.each([
    ['an empty group', [], [8], [8]],
    ['one that joins', [8], [8, 0], [4, 4]],
    ['a third', [4, 4], [4, 4, 0], [3, 3, 2]],
    ['a settled group', [3, 2, 3], [3, 2, 3], [3, 2, 3]],
    ['more members than partitions', [1, 1, 1], [1, 1, 1, 0], [1, 1, 1, 0]],
  ])('shares fairly: %s', (_, owned, before, after) => {
    expect(settle(before, owned.reduce((sum, count) => sum + count, 0) || 8)).toEqual(after)
  })

  it.each(Array.from({ length: 50 }, (_, seed) => seed))(
    'settles evenly from anywhere, moving only what exceeds a share (seed %i)',
    (seed) => {
      const random = mulberry32(seed)
      const pick = (below: number): number => Math.floor(random() * below)
      const members = Array.from({ length: 1 + pick(6) }, (_, at) => `m${at}`)
      const partitions = 1 + pick(24)
      let owners: Owners = Array.from({ length: partitions }, () => ({
        instance: ['', 'dead', ...members][pick(members.length + 2)] as string,
        epoch: pick(5),
      }))
      const least = Math.floor(partitions / members.length)
      const started = owners
      for (let step = 0; step < 200; step++) {
        const self = members[pick(members.length)] as string
        owners = act(owners, members, self)
      }
      const counts = members.map((member) => owners.filter(({ instance }) => instance === member).length)
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(partitions)
      for (const count of counts) expect(count === least || count === least + 1).toBe(true)
      for (const member of members) {
        const had = started.flatMap(({ instance }, partition) => (instance === member ? [partition] : []))
        const kept = had.filter((partition) => owners[partition]?.instance === member)
        expect(kept.length).toBeGreaterThanOrEqual(Math.min(had.length, least))
      }
      for (const member of members) expect(act(owners, members, member)).toBe(owners)
    },
  )

  it('lets one member own an exclusive group, the one that has most already', () => {
    const owners: Owners = ['b', 'b', 'a', ''].map((instance) => ({ instance, epoch: 1 }))
    const standing = { owners, members: ['a', 'b', 'c'], exclusive: true, leaving: 0 }
    expect(planOf({ ...standing, self: 'b', kept: [0, 1] })).toEqual({ claim: [3], surplus: [] })
    expect(planOf({ ...standing, self: 'a', kept: [2] })).toEqual({ claim: [], surplus: [2] })
    expect(planOf({ ...standing, self: 'c', kept: [] })).toEqual({ claim: [], surplus: [] })
    const free = owners.map(() => ({ instance: 'dead', epoch: 1 }))
    expect(planOf({ ...standing, owners: free, self: 'c', kept: [] })).toEqual({ claim: [0, 1, 2, 3], surplus: [] })
  })

  it('claims nothing for what it is still giving up', () => {
    const owners: Owners = ['a', 'a', '', ''].map((instance) => ({ instance, epoch: 1 }))
    const standing = { owners, members: ['a', 'b'], self: 'a', exclusive: false }
    expect(planOf({ ...standing, kept: [0], leaving: 1 })).toEqual({ claim: [], surplus: [] })
    expect(planOf({ ...standing, kept: [0], leaving: 0 })).toEqual({ claim: [2], surplus: [] })
  })
})

/** One look of one member, whose draining takes no time. */
function act(owners: Owners, members: readonly string[], self: string): Owners {
  const kept = owners.flatMap(({ instance }, partition) => (instance === self ? [partition] : []))
  const { claim, surplus } = planOf({ owners, members, self, exclusive: false, kept, leaving: 0 })
  if (claim.length === 0 && surplus.length === 0) return owners
  return owners.map((entry, partition) => {
    if (claim.includes(partition)) return { instance: self, epoch: entry.epoch + 1 }
    return surplus.includes(partition) ? { ...entry, instance: '' } : entry
  })
}

/** How many each owns in the end, of members that begin with these counts and look one after another. */
function settle(counts: readonly number[], partitions: number): number[] {
  const members = counts.map((_, at) => `m${at}`)
  const names = counts.flatMap((count, at) => Array<string>(count).fill(`m${at}`))
  let owners: Owners = Array.from({ length: partitions }, (_, partition) => ({
    instance: names[partition] ?? '',
    epoch: 0,
  }))
  for (let round = 0; round < 5; round++) for (const member of members) owners = act(owners, members, member)
  return members.map((member) => owners.filter(({ instance }) => instance === member).length)
}
