import { mulberry32 } from 'tidings/spi'
import { describe, expect, it } from 'vitest'

import { assign, type Joining, type Place } from './assignment.ts'

const seed = Math.floor(Math.random() * 0x7fff_ffff)

/** A group that joins again until nothing moves any more: members let go of what they do not get. */
function settle(members: Map<string, Joining>, counts: ReadonlyMap<string, number>, exclusive = false): number {
  for (let round = 1; round < 10; round++) {
    const assigned = assign([...members.values()], (topic) => counts.get(topic) ?? 0, exclusive)
    let moved = false
    for (const [id, member] of members) {
      const places = assigned.get(id) ?? []
      moved ||= member.owned.some((place) => !places.includes(place))
      members.set(id, { ...member, owned: places, generation: member.generation + 1 })
    }
    const owned = [...members.values()].flatMap((member) => member.owned)
    expect(new Set(owned).size, `two owners, seed ${seed}`).toBe(owned.length)
    if (!moved) return round
  }
  throw new Error(`It does not come to rest, seed ${seed}.`)
}

const joining = (id: string, topics: readonly string[], owned: readonly Place[] = []): [string, Joining] => [
  id,
  { id, topics, owned, generation: 0, store: undefined },
]

describe('who works on which partition', () => {
  it('is shared evenly, each topic and the whole', () => {
    const counts = new Map([
      ['a', 4],
      ['b', 4],
      ['c', 7],
      ['d', 1],
    ])
    const members = new Map(['x', 'y', 'z'].map((id) => joining(id, ['a', 'b', 'c', 'd'])))
    settle(members, counts)
    const sizes = [...members.values()].map(({ owned }) => owned.length)
    expect(sizes.toSorted((a, b) => a - b)).toEqual([5, 5, 6])
    for (const [topic, count] of counts) {
      const own = [...members.values()].map(
        ({ owned }) => owned.filter((place) => place.startsWith(`${topic}/`)).length,
      )
      expect(Math.max(...own) - Math.min(...own)).toBeLessThanOrEqual(1)
      expect(own.reduce((sum, size) => sum + size)).toBe(count)
    }
  })

  it('gives nobody what another still works on', () => {
    const owned = ['a/0', 'a/1', 'a/2', 'a/3']
    const assigned = assign([joining('old', ['a'], owned)[1], joining('new', ['a'])[1]], () => 4, false)
    expect(assigned.get('old')).toEqual(['a/0', 'a/1'])
    expect(assigned.get('new')).toEqual([])
    const then = assign([joining('old', ['a'], ['a/0', 'a/1'])[1], joining('new', ['a'])[1]], () => 4, false)
    expect(then.get('new')?.toSorted()).toEqual(['a/2', 'a/3'])
  })

  it('believes the newest claim', () => {
    const zombie: Joining = { id: 'zombie', topics: ['a'], owned: ['a/0'], generation: 3, store: undefined }
    const owner: Joining = { id: 'owner', topics: ['a'], owned: ['a/0'], generation: 4, store: undefined }
    const assigned = assign([zombie, owner], () => 1, true)
    expect(assigned.get('owner')).toEqual(['a/0'])
    expect(assigned.get('zombie')).toEqual([])
  })

  it('gives an exclusive group to one, and stays with it', () => {
    const counts = new Map([['a', 3]])
    const members = new Map([joining('b', ['a'])])
    settle(members, counts, true)
    members.set(...joining('a', ['a']))
    settle(members, counts, true)
    expect(members.get('b')?.owned).toHaveLength(3)
    members.delete('b')
    settle(members, counts, true)
    expect(members.get('a')?.owned).toHaveLength(3)
  })

  it('comes to rest after every change, whole, even, and with no move that is not needed', () => {
    const chance = mulberry32(seed)
    const draw = (below: number): number => Math.floor(chance() * below)
    for (let world = 0; world < 200; world++) {
      const counts = new Map(Array.from({ length: 1 + draw(5) }, (_, at) => [`t${at}`, 1 + draw(12)] as const))
      const members = new Map<string, Joining>()
      for (let change = 0; change < 12; change++) {
        if (members.size > 1 && draw(3) === 0) members.delete([...members.keys()][draw(members.size)] as string)
        else members.set(...joining(`m${draw(8)}`, [...counts.keys()]))
        expect(settle(members, counts), `seed ${seed}`).toBeLessThanOrEqual(3)
        const sizes = [...members.values()].map(({ owned }) => owned.length)
        const all = [...counts.values()].reduce((sum, count) => sum + count)
        expect(
          sizes.reduce((sum, size) => sum + size),
          `seed ${seed}`,
        ).toBe(all)
        expect(Math.max(...sizes) - Math.min(...sizes), `seed ${seed}`).toBeLessThanOrEqual(1)
        const before = new Map([...members].map(([id, { owned }]) => [id, [...owned].sort()]))
        expect(settle(members, counts), `seed ${seed}`).toBe(1)
        expect(new Map([...members].map(([id, { owned }]) => [id, [...owned].sort()])), `seed ${seed}`).toEqual(before)
      }
    }
  })
})
