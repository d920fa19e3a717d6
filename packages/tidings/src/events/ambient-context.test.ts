import { setImmediate as turn } from 'node:timers/promises'

import { expect, test } from 'vitest'

import { completeContext } from '../prepare/complete-context.ts'
import { causedBy, currentContext, runCausedBy, runWithContext, runWithoutContext } from './ambient-context.ts'
import { buildEvent, type Event, type EventContext } from './event.ts'

function event(context: EventContext = {}, id: string | (() => string) = 'e-1'): Event<unknown> {
  return buildEvent({
    id,
    source: '/s',
    type: 'a.b',
    version: '1.0.0',
    category: 'a',
    key: 'k',
    timestamp: 0,
    priority: 'normal',
    context,
    data: null,
  })
}

/** What an event published here would carry. */
function published(said: EventContext = {}): EventContext {
  return completeContext(said, currentContext())
}

test('nothing surrounds anybody by default', () => {
  expect(currentContext()).toBeUndefined()
  expect(published()).toEqual({})
})

test('a context is taken over across awaits and callbacks, and ends with its function', async () => {
  await runWithContext({ tenantId: 'acme', userId: 'u-1' }, async () => {
    await turn()
    expect(published()).toEqual({ tenantId: 'acme', userId: 'u-1', actor: 'user:u-1' })
    expect(published({ tenantId: 'other' })).toMatchObject({ tenantId: 'other', userId: 'u-1' })
  })
  expect(currentContext()).toBeUndefined()
})

test('an inner context is laid over the outer one', () => {
  runWithContext({ tenantId: 'acme', userId: 'u-1', correlationId: 'c-1' }, () => {
    runWithContext({ userId: 'u-2' }, () =>
      expect(published()).toMatchObject({ tenantId: 'acme', userId: 'u-2', correlationId: 'c-1' }),
    )
    expect(published()).toMatchObject({ userId: 'u-1' })
    runWithoutContext(() => expect(currentContext()).toBeUndefined())
  })
})

test('contexts side by side do not mix', async () => {
  const tenants = await Promise.all(
    Array.from({ length: 50 }, (_, at) =>
      runWithContext({ tenantId: `t-${at}` }, async () => {
        for (let step = 0; step < 3; step++) await turn()
        return published().tenantId
      }),
    ),
  )
  expect(tenants).toEqual(Array.from({ length: 50 }, (_, at) => `t-${at}`))
})

test('what a handler publishes inherits correlation, tenant, user and trace, and names its cause', () => {
  const context: EventContext = {
    tenantId: 'acme',
    userId: 'u-1',
    sessionId: 's-1',
    locationId: 'l-1',
    actor: 'service:shop',
    correlationId: 'c-1',
    causationId: 'e-0',
    traceparent: '00-a-b-01',
    tracestate: 'a=b',
    business: { campaign: 'spring' },
  }
  runCausedBy(event(context), () => expect(published()).toEqual({ ...context, causationId: 'e-1' }))
  runCausedBy(event(), () => expect(published()).toEqual({ correlationId: 'e-1', causationId: 'e-1' }))
})

test('a chain keeps its first correlation', () => {
  const second = runCausedBy(event({}, 'e-1'), () => event(published(), 'e-2'))
  const third = runCausedBy(second, () => event(published(), 'e-3'))
  expect(third.context).toMatchObject({ correlationId: 'e-1', causationId: 'e-2' })
})

test('a handler is not surrounded by what surrounded its publisher, and lays its own over the event', () => {
  runWithContext({ tenantId: 'outer', userId: 'u-outer' }, () => {
    runCausedBy(event({ tenantId: 'acme' }), () => {
      expect(published().userId).toBeUndefined()
      runWithContext({ locationId: 'l-9' }, () =>
        expect(published()).toEqual({ tenantId: 'acme', locationId: 'l-9', correlationId: 'e-1', causationId: 'e-1' }),
      )
    })
  })
})

test('arguments reach the handler, and what it returns or throws comes back', () => {
  expect(runCausedBy(event(), (a: number, b: number) => a + b, 1, 2)).toBe(3)
  expect(() =>
    runWithContext({}, () => {
      throw new Error('mine')
    }),
  ).toThrow('mine')
  expect(currentContext()).toBeUndefined()
})

test('the id of an event is not drawn for a handler that publishes nothing', () => {
  let drawn = 0
  const lazy = event({ tenantId: 'acme' }, () => `e-${++drawn}`)
  runCausedBy(lazy, () => expect(currentContext()?.tenantId).toBe('acme'))
  expect(drawn).toBe(0)
  expect(causedBy(lazy).causationId).toBe('e-1')
  expect(causedBy(lazy).correlationId).toBe('e-1')
  expect(drawn).toBe(1)
})
