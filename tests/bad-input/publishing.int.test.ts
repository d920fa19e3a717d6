import {
  createEventBus,
  defineEvent,
  type ErrorCode,
  type EventBus,
  type EventDraft,
  type PublishOptions,
} from 'tidings'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'

import { countOf, expectCoded, failureOf, secret } from './world.ts'

const Placed = defineEvent('order.placed', {
  schema: z.object({ id: z.string(), total: z.number().min(0), lines: z.array(z.object({ sku: z.string().max(5) })) }),
})
const Free = defineEvent<unknown>('order.noted')
const Keyed = defineEvent<{ readonly key: string }>('order.keyed', { key: (data) => data.key })

const good = { id: 'o-1', total: 1, lines: [] }

function nested(depth: number): unknown {
  let value: unknown = secret
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { value }
  return value
}

const cycle: Record<string, unknown> = { secret }
cycle.self = cycle

interface Row {
  readonly name: string
  readonly code: ErrorCode
  readonly field?: string
  readonly publish: (bus: EventBus) => unknown
}

const limit = 10_000
const noting =
  (data: unknown): Row['publish'] =>
  (bus) =>
    bus.publish(Free, data as never)
const stamped =
  (stamp: object): Row['publish'] =>
  (bus) =>
    bus.publish(Free, { id: 'o-1' } as never, stamp as PublishOptions)
const sized = (bytes: number): { text: string } => ({ text: 'x'.repeat(bytes - '{"text":""}'.length) })

const rows: readonly Row[] = [
  {
    name: 'data of the wrong shape',
    code: 'TIDINGS_INVALID_DATA',
    field: 'data.total',
    publish: (bus) => bus.publish(Placed, { ...good, total: secret } as never),
  },
  {
    name: 'a value deep inside that breaks its rule',
    code: 'TIDINGS_INVALID_DATA',
    field: 'data.lines[1].sku',
    publish: (bus) => bus.publish(Placed, { ...good, lines: [{ sku: 'a' }, { sku: secret }] }),
  },
  {
    name: 'no data where the schema wants some',
    code: 'TIDINGS_INVALID_DATA',
    field: 'data',
    publish: (bus) => bus.publish(Placed, undefined as never),
  },
  {
    name: 'a function in data',
    code: 'TIDINGS_INVALID_DATA',
    field: 'data.call',
    publish: noting({ id: secret, call: () => secret }),
  },
  {
    name: 'a symbol in data',
    code: 'TIDINGS_INVALID_DATA',
    field: 'data.at[1]',
    publish: noting({ at: [1, Symbol(secret)] }),
  },
  { name: 'a bigint in data', code: 'TIDINGS_INVALID_DATA', field: 'data.total', publish: noting({ total: 12n }) },
  {
    name: 'a number that JSON has not',
    code: 'TIDINGS_INVALID_DATA',
    field: 'data.total',
    publish: noting({ total: Number.NaN }),
  },
  {
    name: 'half a character',
    code: 'TIDINGS_INVALID_DATA',
    field: 'data.text',
    publish: noting({ text: `${secret}\ud800` }),
  },
  { name: 'data that contains itself', code: 'TIDINGS_INVALID_DATA', publish: noting(cycle) },
  { name: 'data 100,000 levels deep', code: 'TIDINGS_INVALID_DATA', publish: noting(nested(100_000)) },
  {
    name: 'a __proto__ member',
    code: 'TIDINGS_INVALID_DATA',
    field: 'data.__proto__',
    publish: noting(JSON.parse(`{"__proto__":{"admin":"${secret}"}}`)),
  },
  {
    name: 'a __proto__ member that holds no object',
    code: 'TIDINGS_INVALID_DATA',
    field: 'data.a.__proto__',
    publish: noting({ a: JSON.parse('{"__proto__":1}') as unknown }),
  },
  {
    name: 'a __proto__ member deep inside',
    code: 'TIDINGS_INVALID_DATA',
    field: 'data.a[0].__proto__',
    publish: noting({ a: [JSON.parse('{"__proto__":{"admin":true}}')] }),
  },
  { name: 'one byte too many', code: 'TIDINGS_TOO_LARGE', field: 'data', publish: noting(sized(limit + 1)) },
  {
    name: 'characters that only their bytes make too many',
    code: 'TIDINGS_TOO_LARGE',
    field: 'data',
    publish: noting({ text: 'ä'.repeat(limit / 2) }),
  },
  {
    name: 'a key that is no text',
    code: 'TIDINGS_INVALID_EVENT',
    field: 'key',
    publish: (bus) => bus.publish(Keyed, { key: 5 } as never),
  },
  {
    name: 'an empty key',
    code: 'TIDINGS_INVALID_EVENT',
    field: 'key',
    publish: (bus) => bus.publish(Keyed, { key: '' } as never),
  },
  {
    name: 'a key with NUL',
    code: 'TIDINGS_INVALID_EVENT',
    field: 'key',
    publish: (bus) => bus.publish(Keyed, { key: `${secret}\0` } as never),
  },
  {
    name: 'a key that separates streams',
    code: 'TIDINGS_INVALID_EVENT',
    field: 'key',
    publish: (bus) => bus.publish(Keyed, { key: 'a\u001fb' } as never),
  },
  {
    name: 'a key of 1,001 characters',
    code: 'TIDINGS_INVALID_EVENT',
    field: 'key',
    publish: (bus) => bus.publish(Keyed, { key: 'k'.repeat(1_001) } as never),
  },
  {
    name: 'a key function that throws',
    code: 'TIDINGS_INVALID_DATA',
    field: 'key',
    publish: (bus) => bus.publish(Keyed, null as never),
  },
  {
    name: 'a tenant that separates streams',
    code: 'TIDINGS_INVALID_EVENT',
    field: 'tenantId',
    publish: stamped({ tenantId: `${secret}\u001f` }),
  },
  {
    name: 'a user that is no text',
    code: 'TIDINGS_INVALID_EVENT',
    field: 'userId',
    publish: stamped({ userId: { secret } }),
  },
  {
    name: 'a line break in the correlation',
    code: 'TIDINGS_INVALID_EVENT',
    field: 'correlationId',
    publish: stamped({ correlationId: `${secret}\nx` }),
  },
  { name: 'an empty id', code: 'TIDINGS_INVALID_EVENT', field: 'id', publish: stamped({ id: '' }) },
  {
    name: 'an object in the business context',
    code: 'TIDINGS_INVALID_EVENT',
    field: 'business.campaign',
    publish: stamped({ business: { campaign: { secret } } }),
  },
  {
    name: '__proto__ in the business context',
    code: 'TIDINGS_INVALID_EVENT',
    field: 'business.__proto__',
    publish: stamped({ business: JSON.parse(`{"__proto__":"${secret}"}`) as object }),
  },
  {
    name: 'a business context that is no object',
    code: 'TIDINGS_INVALID_EVENT',
    field: 'business',
    publish: stamped({ business: secret }),
  },
  {
    name: 'a time that is no number',
    code: 'TIDINGS_INVALID_EVENT',
    field: 'timestamp',
    publish: stamped({ timestamp: secret }),
  },
  {
    name: 'a time that is not a number',
    code: 'TIDINGS_INVALID_EVENT',
    field: 'timestamp',
    publish: stamped({ timestamp: Number.NaN }),
  },
  {
    name: 'a time before 1970',
    code: 'TIDINGS_INVALID_EVENT',
    field: 'timestamp',
    publish: stamped({ timestamp: -1 }),
  },
  {
    name: 'a time beyond all calendars',
    code: 'TIDINGS_INVALID_EVENT',
    field: 'timestamp',
    publish: stamped({ timestamp: 1e20 }),
  },
  {
    name: 'a priority that does not exist',
    code: 'TIDINGS_INVALID_EVENT',
    field: 'priority',
    publish: stamped({ priority: secret }),
  },
  {
    name: 'a priority of Object.prototype',
    code: 'TIDINGS_INVALID_EVENT',
    field: 'priority',
    publish: stamped({ priority: 'constructor' }),
  },
  {
    name: 'an expected version below zero',
    code: 'TIDINGS_INVALID_OPTION',
    field: 'expectedVersion',
    publish: stamped({ expectedVersion: -1 }),
  },
  {
    name: 'an expected version that is no number',
    code: 'TIDINGS_INVALID_OPTION',
    field: 'expectedVersion',
    publish: stamped({ expectedVersion: secret }),
  },
  {
    name: 'an expected version that is not so',
    code: 'TIDINGS_CONFLICT',
    field: 'expectedVersion',
    publish: stamped({ expectedVersion: 7_000 }),
  },
  {
    name: 'a dedup key that is no text',
    code: 'TIDINGS_INVALID_OPTION',
    field: 'dedupKey',
    publish: stamped({ dedupKey: { secret } }),
  },
  { name: 'a deadline that is no duration', code: 'TIDINGS_INVALID_OPTION', publish: stamped({ deadline: 'soon' }) },
  { name: 'nothing at all', code: 'TIDINGS_INVALID_EVENT', publish: (bus) => bus.publish(undefined as never) },
  { name: 'null', code: 'TIDINGS_INVALID_EVENT', publish: (bus) => bus.publish(null as never) },
  { name: 'text', code: 'TIDINGS_INVALID_EVENT', publish: (bus) => bus.publish(secret as never, {}) },
  {
    name: 'an object that is no definition',
    code: 'TIDINGS_INVALID_EVENT',
    publish: (bus) => bus.publish({ type: 'order.placed' } as never, { secret } as never),
  },
  {
    name: 'a draft without its definition',
    code: 'TIDINGS_INVALID_EVENT',
    publish: (bus) => bus.publish({ definition: undefined, data: { secret }, context: {} } as never),
  },
  {
    name: 'a batch with something else in it',
    code: 'TIDINGS_INVALID_EVENT',
    publish: (bus) => bus.publish([Free.create({ id: 'o-1' }), { secret } as never as EventDraft]),
  },
  {
    name: 'a batch of which one is wrong',
    code: 'TIDINGS_INVALID_DATA',
    field: 'data.total',
    publish: (bus) => bus.publish([Placed.create(good), Placed.create({ ...good, total: -1 })]),
  },
]

describe.each(['memory', 'sqlite'])('a bad publish on %s', (kind) => {
  let bus: EventBus
  let heard = 0

  beforeAll(async () => {
    bus = await createEventBus({ url: kind === 'memory' ? 'memory:' : 'sqlite::memory:', publish: { maxBytes: limit } })
    bus.subscribe('order.*', { name: 'all' }, () => void heard++)
    await bus.start()
  })
  afterAll(() => bus.close())

  it.each(rows)('is refused whole, by field and rule: $name', async ({ code, field, publish }) => {
    const before = await countOf(bus)
    const failure = await failureOf(() => publish(bus))
    expectCoded(failure, code, field)
    expect(await countOf(bus)).toBe(before)
    // Work goes on around it.
    const receipt = await bus.publish(Placed, good)
    expect(receipt.matched).toBe(1)
    await expect.poll(() => heard).toBe(before + 1)
  })

  it.each([limit - 1, limit])('takes data of %i bytes, as many as are allowed', async (bytes) => {
    const receipt = await bus.publish(Free, sized(bytes) as never)
    const event = await bus.store.getEvent(receipt.id)
    expect(JSON.stringify(event?.data)).toHaveLength(bytes)
    heard = await countOf(bus)
  })

  it.each([
    "o'1",
    'o"1',
    '; drop table tidings_events --',
    '😀',
    'a/b',
    '%_',
    '..',
    '__proto__',
    'constructor',
    ' ',
    '\u202e',
    'k'.repeat(1_000),
  ])('takes the key %j for what it is: text', async (key) => {
    const receipt = await bus.publish(Keyed, { key } as never, { tenantId: key })
    const [event] = await bus.store.getEvents({ tenant: key, category: 'order', key })
    expect(event).toMatchObject({ id: receipt.id, key, streamVersion: 1, context: { tenantId: key } })
    expect(await countOf(bus)).toBe(receipt.position)
    heard = receipt.position
  })

  it('takes `constructor` and its like as names of data, and leaves all prototypes alone', async () => {
    const data = { constructor: { prototype: { admin: true } }, toString: 'text', hasOwnProperty: 1, valueOf: [] }
    const receipt = await bus.publish(Free, data as never, { business: { constructor: 'x', toString: 1 } })
    const event = await bus.store.getEvent(receipt.id)
    expect(JSON.parse(JSON.stringify(event?.data))).toEqual(data)
    expect(JSON.parse(JSON.stringify(event?.context.business))).toEqual({ constructor: 'x', toString: 1 })
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
  })
})
