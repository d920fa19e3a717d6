import { sqlite } from '@tidings/sqlite'
import { createEventBus, defineEvent, type EventBusOptions, type SubscribeOptions } from 'tidings'
import { describe, expect, it } from 'vitest'

import { expectCoded, failureOf, file, open } from './world.ts'

const Placed = defineEvent('order.placed')

/** Each of these texts stands in the one message. */
function expectAll(error: unknown, ...named: readonly string[]): void {
  expectCoded(error, 'TIDINGS_INVALID_OPTION')
  for (const text of named) expect((error as Error).message).toContain(text)
}

describe('wrong options', () => {
  it('of a bus are all told at once, before anything is opened', async () => {
    const options = {
      url: 'sqlite:/no/such/folder/tidings.db',
      source: 'no uri\nreference',
      concurrency: 0,
      keep: -1,
      txHold: 'soon',
      maxIncomingBytes: 1.5,
      log: 'loud',
      verifySeal: true,
      events: [{ type: 'order.placed' }],
      transport: { lease: 1, poll: 'often', page: 0 },
      publish: {
        maxBytes: 0,
        compressAbove: '1k',
        rate: -1,
        rateQueue: 0,
        dedupWindow: 'long',
        tries: 0,
        retryDelay: -1,
        batch: 0,
        seal: 'key',
      },
    }
    const failure = await failureOf(() => createEventBus(options as unknown as EventBusOptions))
    const fields = [
      'source',
      'concurrency',
      'keep',
      'txHold',
      'maxIncomingBytes',
      'log',
      'verifySeal',
      'events',
      'transport.poll',
    ]
    const publish = Object.keys(options.publish).map((field) => `publish.${field}`)
    expectAll(failure, ...[...fields, ...publish].map((field) => `\`${field}\``))
  })

  it('of a broker are told together, and none is taken where there is no broker', async () => {
    const options = {
      url: 'kafka://user:hunter2@localhost',
      transportUrl: 'nats://localhost',
      group: 'no group/at all',
      relay: { from: 'tail', concurrency: 0, batch: 1.5, flights: -1, patience: 'long', onPoison: 'retry' },
      inbox: { from: 7, window: 0, batch: 'all' },
      remember: 'ages',
    }
    const failure = await failureOf(() => createEventBus(options as unknown as EventBusOptions))
    const relay = Object.keys(options.relay).map((field) => `relay.${field}`)
    const inbox = Object.keys(options.inbox).map((field) => `inbox.${field}`)
    expectAll(failure, 'one broker', ...['group', 'remember', ...relay, ...inbox].map((field) => `\`${field}\``))
    expect((failure as Error).message).not.toContain('hunter2')
    const alone = await failureOf(() =>
      createEventBus({ url: 'memory:', group: 'auth', relay: {}, inbox: {}, remember: '1d' }),
    )
    expectAll(alone, '`group`', '`relay`', '`inbox`', '`remember`')
    const unknown = await failureOf(() =>
      createEventBus({ url: 'memory:', transportUrl: 'carrier-pigeon://x:secret@y' }),
    )
    expectCoded(unknown, 'TIDINGS_ADAPTER_UNKNOWN')
    expect((unknown as Error).message).not.toContain('secret')
  })

  it('of a bus that would let in what it cannot read are refused', async () => {
    const failure = await failureOf(() =>
      createEventBus({ url: 'memory:', maxIncomingBytes: 1_000, publish: { maxBytes: 1_001 } }),
    )
    expectAll(failure, '`publish.maxBytes`', '`maxIncomingBytes`')
  })

  it.each<[string, EventBusOptions, string]>([
    ['neither url nor store', {}, '`url`'],
    ['both', { url: 'memory:', store: sqlite(':memory:') }, 'not both'],
    ['a url that is no text', { url: 5 as never }, '`url`'],
  ])('%s', async (_, options, named) => {
    expectAll(await failureOf(() => createEventBus(options)), named)
  })

  it.each([
    ['', 'TIDINGS_ADAPTER_UNKNOWN'],
    ['tidings.db', 'TIDINGS_ADAPTER_UNKNOWN'],
    ['oracle://host/db', 'TIDINGS_ADAPTER_UNKNOWN'],
    ['__proto__:x', 'TIDINGS_ADAPTER_UNKNOWN'],
    ['constructor:x', 'TIDINGS_ADAPTER_UNKNOWN'],
    ['sqlite:', 'TIDINGS_INVALID_OPTION'],
    ['sqlite:./a.db?durability=maybe&partitions=0&poll=x&colour=red', 'TIDINGS_INVALID_OPTION'],
    ['sqlite:%zz', 'TIDINGS_INVALID_OPTION'],
    ['sqlite:/no/such/folder/tidings.db', 'TIDINGS_STORE_UNAVAILABLE'],
  ] as const)('the url %j is refused by name', async (url, code) => {
    expectCoded(await failureOf(() => createEventBus({ url })), code)
  })

  it('of an SQLite file are all told at once', async () => {
    const failure = await failureOf(() =>
      createEventBus({ url: 'sqlite:./a.db?durability=maybe&partitions=0&poll=x&colour=red' }),
    )
    expectAll(failure, 'durability', 'partitions', 'poll', 'colour')
  })

  it('of an event are all told at once', () => {
    const failure = failureThrown(() =>
      defineEvent('order placed!', {
        version: '1',
        category: '',
        topic: '..',
        priority: 'urgent' as never,
        upcasters: { soon: () => ({}), '3.0.0': () => ({}) },
      }),
    )
    expectAll(failure, '`type`', '`version`', '`category`', '`topic`', '`priority`', '`upcasters`')
  })

  it('of a subscription are all told at once, and the bus goes on without it', async () => {
    const { bus } = await open()
    const options = {
      name: 'in ventory',
      mode: 'later',
      order: 'any',
      priority: 'urgent',
      concurrency: 0,
      timeout: 'soon',
      abandonAfter: -1,
      retry: { tries: 0, backoff: [], parkAbove: 'long' },
      onPoison: 'ignore',
      filter: 'all',
      from: 'now',
      window: 1.5,
      maxParked: 0,
      healthCheck: true,
      healthEvery: 0,
      onChange: 'maybe',
      replay: 'yes',
    }
    const failure = failureThrown(() =>
      bus.subscribe([], options as unknown as SubscribeOptions, 'no function' as never),
    )
    const { retry: _, ...plain } = options
    expectAll(
      failure,
      ...Object.keys(plain),
      'tries',
      'retry.backoff',
      'retry.parkAbove',
      'handler',
      'at least one event type',
    )
    let heard = 0
    bus.subscribe(Placed, { name: 'inventory' }, () => void heard++)
    await bus.start()
    await bus.publish(Placed, { id: 'o-1' })
    await expect.poll(() => heard).toBe(1)
  })

  it.each([
    '',
    ' ',
    'a b',
    'a/b',
    "o'1",
    'a"b',
    '😀',
    'nul\0',
    'a\nb',
    '../../etc',
    '-a',
    '__proto__',
    'n'.repeat(121),
    5,
    null,
    Symbol('s'),
  ])('the subscription name %j is refused', async (name) => {
    const { bus } = await open()
    const failure = failureThrown(() => bus.subscribe(Placed, { name: name as string }, () => {}))
    expectAll(failure, '`name`')
  })

  it.each(['constructor', 'toString', 'a.b:c-d_e', 'N'.repeat(120), '0'])(
    'the subscription name %j works',
    async (name) => {
      const { bus, file: path } = await open()
      const keys: string[] = []
      bus.subscribe(Placed, { name }, (event) => void keys.push(event.key))
      await bus.start()
      await bus.publish(Placed, { id: 'o-1' })
      await expect.poll(() => keys).toEqual(['o-1'])
      await bus.close()
      // It is known again.
      const again = await open({ path })
      again.bus.subscribe(Placed, { name }, (event) => void keys.push(event.key))
      await again.bus.start()
      await again.bus.publish(Placed, { id: 'o-2' })
      await expect.poll(() => keys).toEqual(['o-1', 'o-2'])
    },
  )

  it.each([
    '',
    '.',
    'order.',
    '.placed',
    'order..placed',
    'order.**.x',
    'or*er',
    'order placed',
    'a'.repeat(201),
    5,
    null,
    {},
    { type: 5 },
    undefined,
  ])('the event type %j cannot be subscribed to', async (type) => {
    const { bus } = await open()
    expectCoded(
      failureThrown(() => bus.subscribe(type as string, { name: 'a' }, () => {})),
      'TIDINGS_INVALID_OPTION',
    )
  })

  it('two subscriptions of one name in one bus are refused', async () => {
    const { bus } = await open()
    bus.subscribe(Placed, { name: 'inventory' }, () => {})
    expectCoded(
      failureThrown(() => bus.subscribe('order.*', { name: 'inventory' }, () => {})),
      'TIDINGS_SUBSCRIPTION_EXISTS',
      undefined,
    )
  })
})

describe('a subscription that is registered already', () => {
  it.each<[string, string, SubscribeOptions]>([
    ['for other types', 'order.*', { name: 'inventory' }],
    ['in another order', 'order.placed', { name: 'inventory', order: 'all' }],
  ])(
    '%s: its start is refused, nothing is skipped, and `accept` goes on from where it stood',
    async (_, to, options) => {
      const path = file()
      const heard: string[] = []
      const hear = (event: { readonly key: string }): unknown => heard.push(event.key)
      const first = await open({ path })
      first.bus.subscribe('order.placed', { name: 'inventory' }, hear)
      await first.bus.start()
      await first.bus.publish(Placed, { id: 'o-1' })
      await expect.poll(() => heard).toEqual(['o-1'])
      await first.bus.close()

      const second = await open({ path })
      second.bus.subscribe(to, options, hear)
      const failure = await failureOf(() => second.bus.start())
      expectCoded(failure, 'TIDINGS_SUBSCRIPTION_CHANGED')
      expect((failure as Error).message).toContain('inventory')
      const publisher = await open({ path })
      await publisher.bus.publish(Placed, { id: 'o-2' })
      await publisher.bus.close()
      await second.bus.close()
      expect(heard).toEqual(['o-1'])

      const third = await open({ path })
      third.bus.subscribe(to, { ...options, onChange: 'accept' }, hear)
      await third.bus.start()
      await expect.poll(() => heard, { timeout: 5_000 }).toEqual(['o-1', 'o-2'])
    },
  )
})

function failureThrown(call: () => unknown): unknown {
  try {
    call()
    return undefined
  } catch (error) {
    return error
  }
}
