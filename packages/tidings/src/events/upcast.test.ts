import fc from 'fast-check'
import { expect, test } from 'vitest'

import { compareVersions, defineEvent, type Upcaster } from './define-event.ts'
import { buildEvent, type Event } from './event.ts'
import { plain } from './plain.ts'
import { upcast } from './upcast.ts'

function event(version: string, data: unknown): Event<unknown> {
  return buildEvent({
    id: 'e-1',
    source: '/orders',
    type: 'order.placed',
    version,
    category: 'order',
    key: 'o-1',
    timestamp: 1_767_225_600_000,
    priority: 'normal',
    legacy: version === '',
    context: { correlationId: 'c-1' },
    data: plain(data),
  })
}

const OrderPlaced = defineEvent('order.placed', {
  version: '3.0.0',
  upcasters: {
    '1.0.0': ({ total }: { total: number }) => ({ amount: total }),
    '2.0.0': (data: { amount: number }) => ({ ...data, cents: data.amount * 100 }),
  },
})

test('every historic version reaches today by the composed chain', () => {
  expect(upcast(event('1.0.0', { total: 2 }), OrderPlaced)).toMatchObject({
    version: '3.0.0',
    id: 'e-1',
    data: { amount: 2, cents: 200 },
    context: { correlationId: 'c-1' },
  })
  expect(upcast(event('2.0.0', { amount: 3 }), OrderPlaced)).toMatchObject({
    version: '3.0.0',
    data: { amount: 3, cents: 300 },
  })
})

test('an event of today, or of a newer minor, is handed on as it is, unknown fields included', () => {
  for (const version of ['3.0.0', '3.0.7', '3.4.0']) {
    const one = event(version, { amount: 1, cents: 100, added: true })
    expect(upcast(one, OrderPlaced)).toBe(one)
  }
})

test('minors between the listed versions come in at the shape they can be read as', () => {
  const marked =
    (mark: string): Upcaster =>
    (data: { path: string }) => ({ path: data.path + mark })
  const Marked = defineEvent('order.placed', {
    version: '2.5.0',
    upcasters: { '1.2.0': marked('a'), '1.4.0': marked('b'), '2.2.0': marked('c') },
  })
  const path = (version: string) => (upcast(event(version, { path: '' }), Marked).data as { path: string }).path
  expect(path('1.0.0')).toBe('abc')
  expect(path('1.2.0')).toBe('abc')
  expect(path('1.2.9')).toBe('abc')
  expect(path('1.3.0')).toBe('bc')
  expect(path('1.9.0')).toBe('bc')
  expect(path('2.0.0')).toBe('c')
  expect(path('2.3.0')).toBe('')
})

test('a newer major waits for an upgrade', () => {
  expect(() => upcast(event('4.0.0', {}), OrderPlaced)).toThrow(
    expect.objectContaining({
      code: 'TIDINGS_UPGRADE_NEEDED',
      details: { type: 'order.placed', version: '4.0.0', known: '3.0.0', reason: 'newer' },
    }),
  )
})

test('an older major that no upcaster reads is told apart', () => {
  const NoPath = defineEvent('order.placed', { version: '3.0.0', upcasters: { '2.0.0': () => ({}) } })
  for (const one of [event('1.0.0', {}), event('1.7.3', {})]) {
    expect(() => upcast(one, NoPath)).toThrow(
      expect.objectContaining({
        code: 'TIDINGS_UPGRADE_NEEDED',
        details: expect.objectContaining({ reason: 'no-path' }),
      }),
    )
  }
})

test('an event without a version is read as it is, unless 0.0.0 is listed', () => {
  const legacy = event('', { total: 1 })
  expect(upcast(legacy, OrderPlaced)).toBe(legacy)
  const FromLegacy = defineEvent('order.placed', {
    version: '1.0.0',
    upcasters: { '0.0.0': (data: { total: number }) => ({ amount: data.total }) },
  })
  expect(upcast(legacy, FromLegacy)).toMatchObject({ version: '1.0.0', legacy: true, data: { amount: 1 } })
})

test('the argument is frozen, and so is the result', () => {
  const Mutating = defineEvent('order.placed', {
    version: '2.0.0',
    upcasters: {
      '1.0.0': (data: { total: number }) => {
        data.total = 5
        return data
      },
    },
  })
  const old = event('1.0.0', { total: 1 })
  expect(() => upcast(old, Mutating)).toThrow(
    expect.objectContaining({ code: 'TIDINGS_UNDECODABLE', message: expect.stringContaining('1.0.0') }),
  )
  expect(old.data).toEqual({ total: 1 })
  expect(Object.isFrozen(upcast(event('1.0.0', { total: 2 }), OrderPlaced).data)).toBe(true)
})

test('an upcaster that throws or returns no data is told by version, without its payload', () => {
  for (const upcaster of [() => undefined, () => ({ at: Number.NaN }), () => new Map()]) {
    const Broken = defineEvent('order.placed', { version: '2.0.0', upcasters: { '1.0.0': upcaster } })
    expect(() => upcast(event('1.0.0', { secret: 'hunter2' }), Broken)).toThrow(
      expect.objectContaining({ code: 'TIDINGS_UNDECODABLE', message: expect.not.stringContaining('hunter2') }),
    )
  }
})

test('for every chain and every version below, the upcasters run in ascending order up to the last', () => {
  const versions = fc.uniqueArray(
    fc
      .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 3 }))
      .map(([major, minor]) => `${major}.${minor}.0`),
    { minLength: 1, maxLength: 8 },
  )
  fc.assert(
    fc.property(versions, fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 4 }), (listed, major, minor) => {
      const upcasters = Object.fromEntries(
        listed.map((version) => [version, (data: { ran: string[] }) => ({ ran: [...data.ran, version] })]),
      )
      const Chained = defineEvent('order.placed', { version: '4.0.0', upcasters })
      const from = `${major}.${minor}.0`
      const readable = listed.some((version) => version.startsWith(`${major}.`))
      const old = event(from, { ran: [] })
      if (!readable) {
        expect(() => upcast(old, Chained)).toThrow(expect.objectContaining({ code: 'TIDINGS_UPGRADE_NEEDED' }))
        return
      }
      const { ran } = upcast(old, Chained).data as { ran: string[] }
      const ascending = listed.toSorted(compareVersions)
      expect(ran.length).toBeGreaterThan(0)
      expect(ran).toEqual(ascending.slice(-ran.length))
      expect(ran[0]?.startsWith(`${major}.`)).toBe(true)
    }),
  )
})
