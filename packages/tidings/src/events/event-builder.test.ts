import { expect, test } from 'vitest'
import { z } from 'zod'
import { virtualRuntime } from '../kernel/virtual-runtime.ts'
import { prepare } from '../prepare/prepare.ts'
import { defineEvent, type EventDraft } from './define-event.ts'
import type { Event } from './event.ts'
import { eventBuilder, legacyEvent } from './event-builder.ts'

const runtime = virtualRuntime({ seed: 3 })

// biome-ignore lint/suspicious/noExplicitAny: drafts of whatever data.
// oxlint-disable-next-line typescript/no-explicit-any
function published(draft: EventDraft<any, any>): Event<unknown> {
  return prepare(draft, {}, { runtime, source: '/auth', validate: true }) as Event<unknown>
}

test('an event said step by step has everything that was said', () => {
  const draft = eventBuilder('user.registered', 'u-1', 'user', 'acme')
    .version('2.0.0')
    .userContext('u-1', 's-1')
    .locationId('l-1')
    .actor('user:u-1')
    .correlationId('c-1')
    .causationId('e-0')
    .trace('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 'a=b')
    .business({ campaign: 'spring' })
    .priority('high')
    .data({ email: 'ann@example.org' })
    .build()
  const event = published(draft)
  expect(event).toMatchObject({
    type: 'user.registered',
    version: '2.0.0',
    category: 'user',
    key: 'u-1',
    priority: 'high',
    legacy: false,
    context: {
      tenantId: 'acme',
      userId: 'u-1',
      sessionId: 's-1',
      locationId: 'l-1',
      actor: 'user:u-1',
      correlationId: 'c-1',
      causationId: 'e-0',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      tracestate: 'a=b',
      business: { campaign: 'spring' },
    },
    data: { email: 'ann@example.org' },
  })
})

test('a half-said event can be shared: steps change nothing behind them', () => {
  const base = eventBuilder('user.registered', 'u-1', 'user', 'acme').data({ n: 1 })
  base.version('9.0.0').locationId('l-9').data({ n: 2 })
  expect(published(base.build())).toMatchObject({ version: '1.0.0', data: { n: 1 }, context: { tenantId: 'acme' } })
  expect(base.build().context).toEqual({ tenantId: 'acme' })
})

test('data keeps its type', () => {
  const draft = eventBuilder('a.b', '1', 'a', 't').data({ total: 5 }).build()
  const total: number = draft.data.total
  // @ts-expect-error There is no such member.
  void draft.data.other
  expect(total).toBe(5)
})

test('with a definition its schema holds, and its version', () => {
  const Registered = defineEvent('user.registered', {
    version: '2.0.0',
    schema: z.object({ email: z.email() }),
    priority: 'high',
  })
  const builder = eventBuilder(Registered, 'u-1', 'user', 'acme')
  expect(published(builder.data({ email: 'ann@example.org' }).build())).toMatchObject({
    version: '2.0.0',
    key: 'u-1',
    priority: 'high',
  })
  expect(() => published(builder.data({ email: 'nobody' }).build())).toThrow(
    expect.objectContaining({ code: 'TIDINGS_INVALID_DATA' }),
  )
  expect(() => builder.version('1.0.0').data({}).build()).toThrow('`version`')
})

test.each([
  ['data', () => eventBuilder('a.b', '1', 'a', 't').build()],
  ['aggregateId', () => eventBuilder('a.b', '', 'a', 't').data({}).build()],
  ['version', () => eventBuilder('a.b', '1', 'a', 't').version('two').data({}).build()],
  ['category', () => eventBuilder('a.b', '1', 'not a category', 't').data({}).build()],
  ['type', () => eventBuilder('not a type', '1', 'a', 't').data({}).build()],
])('a builder with a wrong %s is refused by name', (field, build) => {
  expect(build).toThrow(
    expect.objectContaining({ code: 'TIDINGS_INVALID_OPTION', message: expect.stringContaining(`\`${field}\``) }),
  )
})

test('a wrong tenant is refused at publish', () => {
  expect(() => published(eventBuilder('a.b', '1', 'a', '').data({}).build())).toThrow(
    expect.objectContaining({ code: 'TIDINGS_INVALID_EVENT' }),
  )
})

test('a legacy event lives in the same envelope, without a version', () => {
  const event = published(legacyEvent('UserRegistered', { id: 'u-7', name: 'Ann' }, { tenantId: 'acme' }))
  expect(event).toMatchObject({
    type: 'UserRegistered',
    version: '',
    legacy: true,
    category: 'UserRegistered',
    key: 'u-7',
    context: { tenantId: 'acme' },
    data: { id: 'u-7', name: 'Ann' },
  })
  const other = published(legacyEvent('user.registered', { name: 'Ann' }))
  expect(other).toMatchObject({ legacy: true, category: 'user' })
  expect(other.key).toBe(other.id)
})

test('the definition of a built event can create more of its kind', () => {
  const draft = eventBuilder('a.b', '1', 'a', 't').data({ n: 1 }).build()
  const next = draft.definition.create({ n: 2 }, { tenantId: 't' })
  expect(published(next)).toMatchObject({ key: '1', data: { n: 2 } })
})
