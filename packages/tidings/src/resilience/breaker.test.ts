import fc from 'fast-check'
import { expect, test } from 'vitest'

import { Breaker, type BreakerFailure, type Pass } from './breaker.ts'

const enter = (breaker: Breaker, now = 0): Pass => {
  const pass = breaker.tryEnter(now)
  if (typeof pass === 'number') throw new Error(`expected to enter, was told to wait ${pass} ms`)
  return pass
}

function fail(breaker: Breaker, streams: readonly string[], now = 0): readonly BreakerFailure[] {
  let counted: readonly BreakerFailure[] = []
  for (const stream of streams) counted = breaker.onFailure(enter(breaker, now), { stream }, now)
  return counted
}

const ten = ['a', 'b', 'c', 'd', 'e', 'a', 'b', 'c', 'd', 'e']

test('it opens at the tenth failure in a row over five streams and hands all ten back', () => {
  const breaker = new Breaker()
  expect(fail(breaker, ten.slice(0, 9))).toEqual([])
  expect(breaker.snapshot(0)).toMatchObject({ state: 'closed', failures: 9, streams: 5 })
  expect(fail(breaker, ['z']).map(({ stream }) => stream)).toEqual([...ten.slice(0, 9), 'z'])
  expect(breaker.snapshot(0)).toEqual({ state: 'open', failures: 0, streams: 0, retryIn: 1_000, openings: 1 })
  expect(breaker.tryEnter(250)).toBe(750)
})

test('one success between starts the count anew', () => {
  const breaker = new Breaker()
  fail(breaker, ten.slice(0, 9))
  breaker.onSuccess(enter(breaker))
  expect(fail(breaker, ten.slice(0, 9))).toEqual([])
  expect(breaker.snapshot(0).state).toBe('closed')
})

test('one poisoned stream never opens it, however often it fails, and takes no more room', () => {
  const breaker = new Breaker()
  for (let at = 0; at < 5_000; at++) expect(fail(breaker, ['poison'])).toEqual([])
  expect(breaker.snapshot(0)).toMatchObject({ state: 'closed', failures: 1_000, streams: 1 })
  expect(fail(breaker, ['b', 'c', 'd'])).toEqual([])
  expect(fail(breaker, ['e'])).toHaveLength(1_000)
})

test('an unreachable dependency opens it at once', () => {
  const breaker = new Breaker()
  fail(breaker, ['a', 'b'])
  expect(breaker.onUnavailable(enter(breaker), 0)).toEqual([{ stream: 'a' }, { stream: 'b' }])
  expect(breaker.tryEnter(0)).toBe(1_000)
})

test('after the cool-down one probe goes, and its success closes it', () => {
  const breaker = new Breaker()
  breaker.onUnavailable(enter(breaker), 0)
  expect(breaker.tryEnter(999)).toBe(1)
  const probe = enter(breaker, 1_000)
  expect(probe.kind).toBe('probe')
  expect(breaker.tryEnter(1_000)).toBeTypeOf('number')
  expect(breaker.snapshot(1_000).state).toBe('half-open')
  breaker.onSuccess(probe)
  expect(enter(breaker, 1_000).kind).toBe('go')
})

test('cool-downs double from one second to ten, and begin again after a success', () => {
  const breaker = new Breaker()
  breaker.onUnavailable(enter(breaker), 0)
  let now = 0
  const waits: number[] = []
  for (let at = 0; at < 8; at++) {
    const wait = breaker.tryEnter(now) as number
    waits.push(wait)
    now += wait
    breaker.onUnavailable(enter(breaker, now), now)
  }
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000, 10_000])
  now += 10_000
  breaker.onSuccess(enter(breaker, now))
  breaker.onUnavailable(enter(breaker, now), now)
  expect(breaker.tryEnter(now)).toBe(1_000)
})

test('several probes must all succeed; one that fails opens it for longer', () => {
  const breaker = new Breaker({ probes: 3 })
  breaker.onUnavailable(enter(breaker), 0)
  const probes = [enter(breaker, 1_000), enter(breaker, 1_000), enter(breaker, 1_000)] as const
  expect(breaker.tryEnter(1_000)).toBeTypeOf('number')
  breaker.onSuccess(probes[0])
  breaker.onSuccess(probes[1])
  expect(breaker.snapshot(1_000).state).toBe('half-open')
  expect(breaker.tryEnter(1_000)).toBeTypeOf('number')
  expect(breaker.onFailure(probes[2], { stream: 'a' }, 1_000)).toEqual([{ stream: 'a' }])
  expect(breaker.tryEnter(1_000)).toBe(2_000)
  for (let at = 0; at < 3; at++) breaker.onSuccess(enter(breaker, 3_000))
  expect(breaker.snapshot(3_000).state).toBe('closed')
})

test('a probe that is withdrawn makes room for another', () => {
  const breaker = new Breaker()
  breaker.onUnavailable(enter(breaker), 0)
  breaker.onWithdrawn(enter(breaker, 1_000))
  expect(enter(breaker, 1_000).kind).toBe('probe')
})

test('a stream whose probe fails twice running is blamed itself, so that poison cannot hold the breaker open', () => {
  const breaker = new Breaker()
  breaker.onUnavailable(enter(breaker), 0)
  expect(fail(breaker, ['poison'], 1_000)).toEqual([{ stream: 'poison' }])
  expect(fail(breaker, ['poison'], 10_000)).toEqual([])
  expect(fail(breaker, ['other'], 100_000)).toEqual([{ stream: 'other' }])
})

test('a few streams whose probes fail in turn are blamed themselves; many of them are an outage', () => {
  const few = new Breaker()
  few.onUnavailable(enter(few), 0)
  expect(fail(few, ['a'], 1_000)).toEqual([{ stream: 'a' }])
  expect(fail(few, ['b'], 10_000)).toEqual([{ stream: 'b' }])
  for (const stream of ['a', 'b', 'a', 'b']) expect(fail(few, [stream], 100_000 + few.snapshot(0).retryIn)).toEqual([])
  const many = new Breaker()
  many.onUnavailable(enter(many), 0)
  for (let round = 1; round <= 4; round++)
    for (const stream of ['a', 'b', 'c', 'd', 'e'])
      expect(fail(many, [stream], round * 1_000_000 + many.snapshot(0).retryIn)).toEqual([{ stream }])
})

test('late results of an earlier state change nothing', () => {
  const breaker = new Breaker()
  const early = enter(breaker)
  breaker.onUnavailable(enter(breaker), 0)
  breaker.onSuccess(early)
  // It began before the outage was known, and so it does not count.
  expect(breaker.onFailure(early, { stream: 'a' }, 0)).toEqual([{ stream: 'a' }])
  expect(breaker.onUnavailable(early, 500)).toEqual([])
  breaker.onWithdrawn(early)
  expect(breaker.snapshot(0)).toMatchObject({ state: 'open', retryIn: 1_000, openings: 1 })
  const probe = enter(breaker, 1_000)
  breaker.onSuccess(early)
  expect(breaker.snapshot(1_000).state).toBe('half-open')
  breaker.onSuccess(probe)
  fail(breaker, ['a', 'b'], 1_000)
  breaker.onSuccess(early)
  breaker.onSuccess(probe)
  expect(breaker.snapshot(1_000)).toMatchObject({ state: 'closed', failures: 2 })
})

test('whatever happens, probes are bounded, waits are positive, and time and a success always close it', () => {
  const act = fc.tuple(
    fc.constantFrom('enter', 'success', 'failure', 'unavailable', 'withdrawn'),
    fc.integer({ min: 0, max: 40_000 }),
    fc.nat(20),
  )
  fc.assert(
    fc.property(fc.array(act, { maxLength: 200 }), fc.integer({ min: 1, max: 4 }), (acts, probes) => {
      const breaker = new Breaker({ failures: 3, streams: 2, probes })
      const held: Pass[] = []
      let now = 0
      for (const [kind, step, pick] of acts) {
        now += step
        if (kind === 'enter') {
          const pass = breaker.tryEnter(now)
          if (typeof pass === 'number') expect(pass).toBeGreaterThan(0)
          else held.push(pass)
        } else if (held.length > 0) {
          const pass = held.splice(pick % held.length, 1)[0] as Pass
          if (kind === 'success') breaker.onSuccess(pass)
          else if (kind === 'failure') breaker.onFailure(pass, { stream: `s${pick}` }, now)
          else if (kind === 'unavailable') breaker.onUnavailable(pass, now)
          else breaker.onWithdrawn(pass)
        }
        const flying = new Map<Pass, number>()
        for (const pass of held) if (pass.kind === 'probe') flying.set(pass, (flying.get(pass) ?? 0) + 1)
        for (const count of flying.values()) expect(count).toBeLessThanOrEqual(probes)
      }
      for (const pass of held) breaker.onWithdrawn(pass)
      now += 30_000
      for (let at = 0; at < probes; at++) breaker.onSuccess(enter(breaker, now))
      expect(breaker.snapshot(now).state).toBe('closed')
    }),
  )
})

test('options that make no sense are refused by name', () => {
  expect(() => new Breaker({ failures: 0 })).toThrow('`failures`')
  expect(() => new Breaker({ failures: 1_001 })).toThrow('`failures`')
  expect(() => new Breaker({ streams: Number.NaN })).toThrow('`streams`')
  expect(() => new Breaker({ coolDown: -1 })).toThrow('`coolDown`')
  expect(() => new Breaker({ coolDown: 10, maxCoolDown: 5 })).toThrow('`maxCoolDown`')
})
