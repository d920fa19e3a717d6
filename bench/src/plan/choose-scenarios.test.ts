import { describe, expect, it } from 'vitest'

import { allScenarios, chooseScenarios } from './choose-scenarios.ts'
import { bounds } from './smoke-bounds.ts'

describe('the plan', () => {
  it('names every scenario once, and every side once in its scenario', () => {
    const ids = allScenarios.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    for (const { sides } of allScenarios) expect(new Set(sides.map(({ name }) => name)).size).toBe(sides.length)
  })

  it('refers to sides that exist', () => {
    for (const { id, sides, reference, targets } of allScenarios) {
      const names = sides.map(({ name }) => name)
      const referred = targets.flatMap((target) =>
        'to' in target && target.to !== undefined ? [target.side, target.to] : [target.side],
      )
      expect([id, ...names]).toEqual(expect.arrayContaining([reference, ...referred]))
    }
    for (const { scenario, side, to } of bounds) {
      expect(allScenarios.find(({ id }) => id === scenario)?.sides.map(({ name }) => name)).toEqual(
        expect.arrayContaining([side, to]),
      )
    }
  })

  it('says of everything that is compared what it leaves out', () => {
    for (const { group, sides } of allScenarios) {
      if (group !== 'footprint')
        for (const side of sides) expect([side.label, side.notes?.length ?? 0]).not.toEqual([side.label, 0])
    }
  })

  it('chooses by group, by part of an id, by side, and without peers', () => {
    expect(new Set(chooseScenarios({ groups: ['memory'] }).map(({ group }) => group))).toEqual(new Set(['memory']))
    expect(chooseScenarios({ only: 'sqlite/full/one' }).map(({ id }) => id)).toEqual(['sqlite/full/one'])
    expect(chooseScenarios({ sides: ['raw-same'] }).flatMap(({ sides }) => sides.map(({ name }) => name))).toEqual([
      'raw-same',
      'raw-same',
    ])
    expect(
      chooseScenarios({ peers: false }).every(({ sides }) => sides.every(({ peers }) => peers === undefined)),
    ).toBe(true)
  })

  it('refuses words that mean nothing, and an empty choice', () => {
    expect(() => chooseScenarios({ groups: ['horses'] })).toThrow(
      /memory, sqlite, redis, postgres, kafka, nats, rabbitmq, projections, footprint/,
    )
    expect(() => chooseScenarios({ only: 'nothing like this' })).toThrow(/No scenario/)
  })
})
