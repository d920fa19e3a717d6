import { sqlite } from '@tidings/sqlite'
import { defineEvent, operationsOf, UnavailableError } from 'tidings'
import { createTestBus } from 'tidings/testing'
import { expect, test } from 'vitest'

const Placed = defineEvent('order.placed')
const minute = 60_000

test.each([
  [
    'a refused connection',
    () => Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:9'), { code: 'ECONNREFUSED' }),
  ],
  [
    'what lies under an error of a client',
    () => new Error('request failed', { cause: Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }) }),
  ],
  ['a handler that says so', () => new UnavailableError('The price service is away')],
])('a dependency that is away for a minute spends no attempt: %s', async (_, failure) => {
  await using world = await createTestBus()
  const attempts: number[] = []
  const handled: string[] = []
  let away = true
  world.bus.subscribe(Placed, { name: 'pricing', retry: { tries: 2, backoff: [10] } }, ({ data }, { attempt }) => {
    attempts.push(attempt)
    if (away) throw failure()
    handled.push((data as { id: string }).id)
  })
  const ids = Array.from({ length: 20 }, (_, at) => `o-${at}`)
  for (const id of ids) for (const step of [1, 2]) await world.bus.publish(Placed, { id, step })
  await world.bus.settled()
  for (let second = 0; second < 60; second++) {
    await world.clock.advance(1_000)
    expect(world.parked()).toEqual([])
  }
  // It has looked again now and then, and not in a frenzy: once for each round of the breaker and each handler that ran.
  expect(attempts.length).toBeGreaterThan(3)
  expect(attempts.length).toBeLessThan(30)
  away = false
  await world.clock.advance(minute)
  await world.bus.settled()
  expect(new Set(attempts)).toEqual(new Set([1]))
  expect(handled.toSorted()).toEqual([...ids, ...ids].toSorted())
  expect(world.parked()).toEqual([])
  expect(await operationsOf(world.bus).status()).toMatchObject({ findings: [] })
})

test.each([180, 187, 194, 201, 208])(
  'work resumes within 15 s of the return, however long the dependency was away: %i s',
  async (seconds) => {
    await using world = await createTestBus()
    let away = true
    let handled = 0
    world.bus.subscribe(Placed, { name: 'pricing' }, () => {
      if (away) throw new UnavailableError('The price service is away')
      handled++
    })
    for (let at = 0; at < 20; at++) await world.bus.publish(Placed, { id: `o-${at}` })
    await world.bus.settled()
    await world.clock.advance(seconds * 1_000)
    away = false
    await world.clock.advance(15_000)
    expect(handled).toBe(20)
  },
)

test('one event alone, of which nobody could tell an outage from poison by numbers, spends no attempt either', async () => {
  await using world = await createTestBus()
  const attempts: number[] = []
  let away = true
  world.bus.subscribe(Placed, { name: 'pricing', retry: { tries: 1 } }, (_, { attempt }) => {
    attempts.push(attempt)
    if (away) throw new UnavailableError('The price service is away')
  })
  await world.bus.publish(Placed, { id: 'o-1' })
  await world.bus.settled()
  await world.clock.advance(minute)
  expect(world.parked()).toEqual([])
  away = false
  await world.clock.advance(minute)
  await world.bus.settled()
  expect(attempts.length).toBeGreaterThan(3)
  expect(new Set(attempts)).toEqual(new Set([1]))
})

test('an outage that shows as failures of many streams gives their attempts back', async () => {
  await using world = await createTestBus()
  const handled = new Map<string, number[]>()
  let away = true
  world.bus.subscribe(Placed, { name: 'pricing', retry: { tries: 3, backoff: [100] } }, ({ data }, { attempt }) => {
    if (away) throw new TypeError('Cannot read the price')
    const { id } = data as { id: string }
    handled.set(id, [...(handled.get(id) ?? []), attempt])
  })
  for (let at = 0; at < 20; at++) await world.bus.publish(Placed, { id: `o-${at}` })
  await world.bus.settled()
  await world.clock.advance(minute)
  away = false
  await world.clock.advance(minute)
  await world.bus.settled()
  expect(handled.size).toBe(20)
  expect(world.parked()).toEqual([])
})

test('a store that takes longer over the commit of a handler than the handler may take spends no attempt', async () => {
  await using world = await createTestBus({ store: sqlite(':memory:', { partitions: 1 }), txHold: '2m' })
  const attempts: number[] = []
  await world.bus.start()
  await world.bus.transaction(({ tx }) => tx.sql`create table counters (n integer not null)`)
  world.bus.subscribe(
    Placed,
    { name: 'counting', timeout: '10s', retry: { tries: 1 } },
    async (_event, { tx, attempt }) => {
      attempts.push(attempt)
      await tx.sql`insert into counters values (1)`
    },
  )
  await world.clock.advance('1s')
  // The first is its beginning.
  world.faults.add({ what: 'delay', at: 'mark', skip: 1, times: 1, takes: ['45s', '45s'] })
  await world.bus.publish(Placed, { id: 'o-1' })
  await world.clock.advance('2m')
  await world.bus.settled()
  expect(world.faults.struck.get('delay')).toBe(1)
  expect({ attempts, parked: world.parked() }).toEqual({ attempts: [1], parked: [] })
  expect(await world.bus.transaction(({ tx }) => tx.sql`select count(*) as n from counters`)).toEqual([{ n: 1 }])
})
