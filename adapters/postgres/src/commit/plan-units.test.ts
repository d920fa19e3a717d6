import { mulberry32, type Unit } from 'tidings/spi'
import { describe, expect, it } from 'vitest'

import { record } from '../../tests/records.ts'
import { resultsOf } from './commit-call.ts'
import { StreamIdentities } from './identities.ts'
import { eventKey, impossible, isEmpty, type Known, type Plan, planUnits } from './plan-units.ts'

const identities = new StreamIdentities(8)
const stream = { tenant: '', category: 'order', key: 'o-1' }
const streamName = '\u001forder\u001fo-1'
const fence = { collection: 'fences', id: 'f' }
const nothing: Known = { streams: new Map(), documents: new Map(), found: new Map() }

function plan(units: readonly Unit[], known?: Known, trusting = true): Plan {
  return planUnits(units, identities, { known, trusting })
}

function kinds({ verdicts }: Plan): string[] {
  return verdicts.map((verdict) => (verdict.kind === 'answer' ? verdict.result.status : verdict.kind))
}

/** What is assumed of the world before, by name. */
function assumed({ streams, documents }: Plan): Record<string, number | undefined> {
  const relied = [...streams.map((one) => [one.text, one] as const), ...documents.map((one) => [one.id, one] as const)]
  return Object.fromEntries(relied.filter(([, one]) => one.relied).map(([name, { base }]) => [name, base]))
}

describe('planUnits', () => {
  it('asks the server nothing where nothing is written or expected', () => {
    const planned = plan([{}, { append: [] }, { documents: [] }])
    expect(isEmpty(planned)).toBe(true)
    expect(resultsOf(planned, 0, [])).toEqual(
      Array.from({ length: 3 }, () => ({ status: 'committed', events: [], repeated: false })),
    )
  })

  it('makes what the first units expect an assumption, and decides by it what later ones expect', () => {
    const units = [3, 4, 4, 5].map((version) => ({ expect: [{ stream, version }], append: [record()] }))
    const planned = plan(units)
    expect(assumed(planned)).toEqual({ [streamName]: 3 })
    expect(kinds(planned)).toEqual(['apply', 'apply', 'conflict', 'apply'])
    expect(resultsOf(planned, 100, [3])).toMatchObject([
      { status: 'committed', events: [{ position: 101, streamVersion: 4 }] },
      { status: 'committed', events: [{ position: 102, streamVersion: 5 }] },
      { status: 'conflict', actual: 5 },
      { status: 'committed', events: [{ position: 103, streamVersion: 6 }] },
    ])
  })

  it('assumes what cannot be where only the server can say what is', () => {
    const planned = plan([{ append: [record()] }, { expect: [{ stream, version: 0 }] }])
    expect(assumed(planned)).toEqual({ [streamName]: impossible })
    for (const version of [-1, 0.5, Number.NaN, 2 ** 60])
      expect(assumed(plan([{ expect: [{ ...fence, version }] }]))).toEqual({ f: impossible })
  })

  it('answers from what the server has said, and relies on it for what is still to be written', () => {
    const known: Known = { ...nothing, streams: new Map([[streamName, 7]]), documents: new Map([['6:fencesf', 2]]) }
    const planned = plan(
      [
        { expect: [{ stream, version: 6 }], append: [record()] },
        { expect: [{ ...fence, version: 1 }] },
        { expect: [{ ...fence, version: 2 }], append: [record()] },
      ],
      known,
    )
    expect(kinds(planned)).toEqual(['conflict', 'conflict', 'apply'])
    expect(resultsOf(planned, 0, [7])).toMatchObject([{ actual: 7 }, { actual: 2 }, { status: 'committed' }])
    // The conflict was one when the server said so; that its stream stands there still is no matter.
    expect(assumed(planned)).toEqual({ f: 2 })
  })

  it('counts puts, and counts anew after a delete', () => {
    const put = { ...fence, put: '{}' }
    const gone = { ...fence, delete: true } as const
    const planned = plan([
      { expect: [{ ...fence, version: 4 }], documents: [put, put] },
      { expect: [{ ...fence, version: 6 }], documents: [gone] },
      { expect: [{ ...fence, version: 0 }], documents: [put] },
      { expect: [{ ...fence, version: 7 }], documents: [put] },
    ])
    expect(kinds(planned)).toEqual(['apply', 'apply', 'apply', 'conflict'])
    expect(planned.documents).toMatchObject([{ base: 4, relied: true, anew: true, puts: 1, body: { put: '{}' } }])
    expect(plan([{ documents: [put, gone] }]).documents).toMatchObject([{ anew: true, puts: 0, body: null }])
  })

  it('looks up ids that are not fresh, once, and knows those of units before', () => {
    const [one, two] = [record(), record()]
    const planned = plan([
      { append: [one] },
      { append: [one] },
      { append: [one, two] },
      { append: [two, two] },
      { append: [record({ fresh: true })] },
    ])
    expect(kinds(planned)).toEqual(['apply', 'repeat', 'refused', 'refused', 'apply'])
    expect(planned.absent).toEqual([one, two])
    expect(resultsOf(planned, 10, [0])[1]).toEqual({
      status: 'committed',
      events: [{ position: 11, streamVersion: 1 }],
      repeated: true,
    })
    expect(plan([{ append: [record({ fresh: true })] }], undefined, false).absent).toHaveLength(1)
  })

  it('answers a unit that is stored with where it stands, before looking at what it expects', () => {
    const one = record()
    const found = new Map([[eventKey(one), { position: 5, streamVersion: 2 }]])
    const planned = plan([{ append: [one], expect: [{ stream, version: 99 }] }], { ...nothing, found })
    expect(isEmpty(planned)).toBe(true)
    expect(resultsOf(planned, 0, [])).toEqual([
      { status: 'committed', events: [{ position: 5, streamVersion: 2 }], repeated: true },
    ])
  })

  it('refuses what the tables cannot hold, without touching its neighbours', () => {
    const planned = plan([
      { append: [record({ time: Number.NaN })] },
      { append: [record({ priority: 7 })] },
      { documents: [{ ...fence, put: '', index: { due: Number.POSITIVE_INFINITY } }] },
      { documents: [{ ...fence, put: '', index: { due: null as never } }] },
      { append: [record()] },
    ])
    expect(kinds(planned)).toEqual(['refused', 'refused', 'refused', 'refused', 'apply'])
    expect([planned.documents, planned.records.length]).toEqual([[], 1])
  })

  const seed = Math.floor(Math.random() * 1_000_000)
  it(`comes to what running the units one by one comes to, whatever they are (seed ${seed})`, () => {
    const random = mulberry32(seed)
    const upTo = (most: number): number => Math.floor(random() * (most + 1))
    for (let round = 0; round < 500; round++) {
      const world = { streams: new Map<string, number>(), documents: new Map<string, number>() }
      for (const key of ['a', 'b']) if (random() < 0.7) world.streams.set(key, upTo(3))
      for (const id of ['x', 'y']) if (random() < 0.7) world.documents.set(id, upTo(3))
      const units = Array.from({ length: 1 + upTo(6) }, (): Unit => {
        const key = random() < 0.5 ? 'a' : 'b'
        const id = random() < 0.5 ? 'x' : 'y'
        const expectation =
          random() < 0.5 ? { stream: { ...stream, key }, version: upTo(5) } : { collection: 'c', id, version: upTo(5) }
        return {
          ...(random() < 0.8 && { expect: [expectation] }),
          ...(random() < 0.6 && { append: Array.from({ length: upTo(2) }, () => record({ key, fresh: true })) }),
          documents: Array.from({ length: upTo(2) }, () =>
            random() < 0.7 ? { collection: 'c', id, put: '' } : { collection: 'c', id, delete: true as const },
          ),
        }
      })
      expect(planned(units, world)).toEqual(oneByOne(units, world))
    }
  })
})

interface World {
  readonly streams: ReadonlyMap<string, number>
  readonly documents: ReadonlyMap<string, number>
}

/** What the server and the planner make of it together. */
function planned(units: readonly Unit[], world: World): unknown[] {
  const truth: Known = {
    streams: new Map([...world.streams].map(([key, version]) => [`\u001forder\u001f${key}`, version])),
    documents: new Map([...world.documents].map(([id, version]) => [`1:c${id}`, version])),
    found: new Map(),
  }
  let known: Known | undefined
  for (let tries = 0; tries < 3; tries++) {
    const one = plan(units, known)
    const streams = one.streams.map(({ text }) => truth.streams.get(text) ?? 0)
    const documents = one.documents.map(({ name }) => truth.documents.get(name) ?? 0)
    const holds =
      one.streams.every(({ relied, base }, at) => !relied || base === streams[at]) &&
      one.documents.every(({ relied, base }, at) => !relied || base === documents[at])
    if (holds) {
      return resultsOf(one, 0, streams).map((result) =>
        result.status === 'conflict' ? result.actual : result.status === 'committed' ? result.events : result.status,
      )
    }
    known = {
      streams: new Map(one.streams.map(({ text }, at) => [text, streams[at] as number])),
      documents: new Map(one.documents.map(({ name }, at) => [name, documents[at] as number])),
      found: new Map(),
    }
  }
  throw new Error('What the server says must settle it.')
}

function oneByOne(units: readonly Unit[], world: World): unknown[] {
  const streams = new Map(world.streams)
  const documents = new Map(world.documents)
  let position = 0
  return units.map(({ expect = [], append = [], documents: changes = [] }) => {
    for (const expectation of expect) {
      const actual =
        ('stream' in expectation ? streams.get(expectation.stream.key) : documents.get(expectation.id)) ?? 0
      if (actual !== expectation.version) return actual
    }
    for (const change of changes) documents.set(change.id, 'put' in change ? (documents.get(change.id) ?? 0) + 1 : 0)
    return append.map(({ key }) => {
      streams.set(key, (streams.get(key) ?? 0) + 1)
      return { position: ++position, streamVersion: streams.get(key) }
    })
  })
}
