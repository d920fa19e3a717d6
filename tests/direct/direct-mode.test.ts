import { createEventBus, defineEvent, type EventBus, type EventBusOptions, memoryStore, type Store } from 'tidings'
import {
  type Delivery,
  logTransport,
  type Outcome,
  type Sink,
  type Transport,
  type TransportAdapter,
  virtualRuntime,
} from 'tidings/spi'
import { describe, expect, it } from 'vitest'

const OrderPlaced = defineEvent<{ id: string; total: number }>('order.placed')
const OrderSeen = defineEvent<{ id: string }>('order.seen')
const LoginFailed = defineEvent<{ id: string }>('login.failed')

const runtime = virtualRuntime({ seed: 5 })

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let step = 0; !holds(); step++) {
    if (step > 5_000) throw new Error(`It did not come to this: ${what}`)
    await runtime.advance(20)
  }
}

async function run<Result>(work: Promise<Result>): Promise<Result> {
  let open = true
  work.finally(() => (open = false)).catch(() => {})
  while (open) await runtime.advance(20)
  return work
}

/** A log plays the broker, one whose groups remember how far they are. */
function onLog(log: Store, through: (transport: Transport) => Transport = (transport) => transport): TransportAdapter {
  return { name: 'log', open: async (host) => through(logTransport(log, host, {}, 'relied')) }
}

async function direct(transport: TransportAdapter, options: Partial<EventBusOptions> = {}): Promise<EventBus> {
  return createEventBus({ store: 'none', transport, source: '/shop', runtime, ...options })
}

describe('a bus without a store, over a log', () => {
  it('publishes to the broker and hears from it, in order of each stream', async () => {
    const log = memoryStore()
    const [one, other] = [await direct(onLog(log)), await direct(onLog(log), { source: '/billing' })]
    const heard: string[] = []
    other.subscribe(OrderPlaced, { name: 'bills', from: 'beginning' }, async ({ key, data, source }) => {
      heard.push(`${source} ${key} ${data.total}`)
    })
    await run(other.start())
    const receipts = await run(Promise.all([1, 2, 3].map((total) => one.publish(OrderPlaced, { id: 'o-1', total }))))
    expect(receipts.map(({ durability }) => durability)).toEqual(['memory', 'memory', 'memory'])
    await until('three are heard', () => heard.length === 3)
    expect(heard).toEqual(['/shop o-1 1', '/shop o-1 2', '/shop o-1 3'])
    await run(Promise.all([one.close(), other.close()]))
  })

  it('retries in the lane, then skips and goes on; what a handler publishes leaves with its success', async () => {
    const log = memoryStore()
    const bus = await direct(onLog(log))
    const attempts: string[] = []
    const seen: string[] = []
    bus.subscribe(
      OrderPlaced,
      { name: 'moody', from: 'beginning', retry: { tries: 3, backoff: ['30s'] } },
      async ({ data }, { attempt, publish }) => {
        attempts.push(`${data.total}/${attempt}`)
        await publish(OrderSeen, { id: data.id })
        if (data.total === 1) throw new Error('no')
      },
    )
    bus.subscribe(OrderSeen, { name: 'seen', from: 'beginning' }, (event) => void seen.push(event.id))
    await run(bus.start())
    await run(bus.publish(OrderPlaced, { id: 'o-1', total: 1 }))
    await run(bus.publish(OrderPlaced, { id: 'o-1', total: 2 }))
    await until('the second is handled', () => attempts.includes('2/1'))
    expect(attempts).toEqual(['1/1', '1/2', '1/3', '2/1'])
    await until('its event is heard', () => seen.length > 0)
    expect(seen).toHaveLength(1)
    await run(bus.close())
  })

  it('hears only the categories it asked for', async () => {
    const asked: (readonly string[] | undefined)[] = []
    const log = memoryStore()
    const bus = await direct(
      onLog(log, (transport) => ({
        ...transport,
        subscribe(options, sink) {
          asked.push(options.topics)
          return transport.subscribe(options, sink)
        },
      })),
    )
    bus.subscribe([OrderPlaced, LoginFailed], { name: 'some' }, () => {})
    bus.subscribe('order.*', { name: 'all' }, () => {})
    await run(bus.start())
    expect(asked).toEqual([['login', 'order'], undefined])
    await run(bus.close())
  })

  it.each([
    [{ onPoison: 'park' }, 'onPoison'],
    [{ order: 'all' }, 'order'],
    [{ from: 7 }, 'from'],
  ] as const)('refuses what must be remembered: %o', async (options, field) => {
    const bus = await direct(onLog(memoryStore()))
    expect(() => bus.subscribe(OrderPlaced, { name: 'one', ...options }, () => {})).toThrow(
      expect.objectContaining({ code: 'TIDINGS_NOT_SUPPORTED', details: expect.objectContaining({ field }) }),
    )
    await run(bus.close())
  })

  it('refuses to publish at a version, and publishes nothing then', async () => {
    const log = memoryStore()
    const bus = await direct(onLog(log))
    await expect(run(bus.publish(OrderPlaced, { id: 'o-1', total: 1 }, { expectedVersion: 0 }))).rejects.toMatchObject({
      code: 'TIDINGS_NOT_SUPPORTED',
    })
    expect((await log.readAll({ after: 0, limit: 1 })).events).toEqual([])
    await run(bus.close())
  })

  it('needs a broker', async () => {
    await expect(createEventBus({ store: 'none' })).rejects.toMatchObject({ code: 'TIDINGS_INVALID_OPTION' })
  })

  it('says so when the broker does not answer, and tries again with the same id', async () => {
    const log = memoryStore()
    let failures = 2
    const ids: string[] = []
    const bus = await direct(
      onLog(log, (transport) => ({
        ...transport,
        async publish(batch): Promise<readonly Outcome[]> {
          ids.push(...batch.map(({ id }) => id))
          const outcomes = await transport.publish(batch)
          return failures-- > 0 ? batch.map(() => ({ status: 'unknown', error: new Error('lost') })) : outcomes
        },
      })),
    )
    const receipt = await run(bus.publish(OrderPlaced, { id: 'o-1', total: 1 }))
    expect(new Set(ids)).toEqual(new Set([receipt.id]))
    expect(ids).toHaveLength(3)
    expect((await log.readAll({ after: 0, limit: 10 })).events).toHaveLength(1)
    failures = 9
    await expect(run(bus.publish(OrderPlaced, { id: 'o-1', total: 2 }))).rejects.toMatchObject({
      code: 'TIDINGS_COMMIT_UNKNOWN',
    })
    await run(bus.close())
  })
})

describe('a bus without a store', () => {
  it('refuses a broker that forgets how far its groups are', async () => {
    const log = memoryStore()
    const forgetful: TransportAdapter = { name: 'log', open: async (host) => logTransport(log, host) }
    await expect(direct(forgetful)).rejects.toMatchObject({
      code: 'TIDINGS_NOT_SUPPORTED',
      details: { field: 'store' },
    })
  })

  it('tells the broker what is handled while that is still silent about what is published', async () => {
    const log = memoryStore()
    let silent = false
    const done = new Map<number, number>()
    const bus = await direct(
      onLog(log, (transport) => ({
        ...transport,
        publish: async (batch) => (silent ? new Promise(() => {}) : transport.publish(batch)),
        async subscribe(options, sink) {
          const consumer = await transport.subscribe(options, sink)
          return {
            request: (count) => consumer.request(count),
            done: (partition, offset) => void done.set(partition, offset),
            settle: (delivery, how) => consumer.settle(delivery, how),
            seek: (partition, offset) => consumer.seek(partition, offset),
            close: () => consumer.close(),
          }
        },
      })),
    )
    const heard: number[] = []
    bus.subscribe(OrderPlaced, { name: 'bills', from: 'beginning' }, ({ data }) => void heard.push(data.total))
    await run(bus.start())
    await run(bus.publish(OrderPlaced, { id: 'o-1', total: 1 }))
    await until('the first is done', () => Math.max(0, ...done.values()) > 0)
    const before = Math.max(...done.values())
    // By another hand, so that it is there while this bus waits for its own.
    silent = true
    const stuck = bus.publish(OrderPlaced, { id: 'o-1', total: 2 })
    stuck.catch(() => {})
    const other = await direct(onLog(log), { source: '/other' })
    await run(other.publish(OrderPlaced, { id: 'o-1', total: 3 }))
    const began = runtime.monotonic()
    await until('the third is done', () => Math.max(...done.values()) > before)
    expect(runtime.monotonic() - began).toBeLessThan(2_000)
    expect(heard).toEqual([1, 3])
    await run(Promise.all([bus.close(), other.close()]))
  })

  it('goes on where its group is, after a restart and in another instance', async () => {
    const log = memoryStore()
    const broker = onLog(log)
    const heard: number[] = []
    const open = async (): Promise<EventBus> => {
      const bus = await direct(broker)
      bus.subscribe(OrderPlaced, { name: 'bills' }, async ({ data }) => void heard.push(data.total))
      await run(bus.start())
      return bus
    }
    const first = await open()
    for (const total of [1, 2, 3]) await run(first.publish(OrderPlaced, { id: 'o-1', total }))
    await until('three are heard', () => heard.length === 3)
    await run(first.close())
    const second = await open()
    const third = await open()
    await run(second.publish(OrderPlaced, { id: 'o-1', total: 4 }))
    await until('the fourth is heard', () => heard.length === 4)
    await run(second.close())
    await run(third.publish(OrderPlaced, { id: 'o-1', total: 5 }))
    await until('the fifth is heard', () => heard.length === 5)
    await run(third.close())
    expect(heard).toEqual([1, 2, 3, 4, 5])
  })

  it('publishes nothing that a precondition forbids: of two equal ones at once, one', async () => {
    const log = memoryStore()
    const bus = await direct(onLog(log))
    const receipts = await run(
      Promise.all([1, 2, 3].map(() => bus.publish(OrderPlaced, { id: 'o-1', total: 1 }, { dedupKey: 'once' }))),
    )
    expect(receipts.filter(({ duplicateOf }) => duplicateOf !== undefined)).toHaveLength(2)
    expect((await log.readAll({ after: 0, limit: 10 })).events).toHaveLength(1)
    await run(bus.close())
  })

  it('joins its group again when its consumer has ended', async () => {
    const log = memoryStore()
    const ends: ((cause: Error) => void)[] = []
    const bus = await direct(
      onLog(log, (transport) => ({
        ...transport,
        subscribe(options, sink) {
          ends.push((cause) => sink.ended(cause))
          return transport.subscribe(options, sink)
        },
      })),
    )
    const heard: number[] = []
    bus.subscribe(OrderPlaced, { name: 'bills', from: 'beginning' }, ({ data }) => void heard.push(data.total))
    await run(bus.start())
    await run(bus.publish(OrderPlaced, { id: 'o-1', total: 1 }))
    await until('the first is heard', () => heard.length === 1)
    ends[0]?.(new Error('The stream is gone'))
    await run(bus.publish(OrderPlaced, { id: 'o-1', total: 2 }))
    await until('the second is heard', () => heard.includes(2))
    expect(ends).toHaveLength(2)
    await run(bus.close())
  })

  it('gives names with colons groups of their own', async () => {
    const groups = new Set<string>()
    const bus = await direct(
      onLog(memoryStore(), (transport) => ({
        ...transport,
        subscribe(options, sink) {
          groups.add(options.group)
          return transport.subscribe(options, sink)
        },
      })),
    )
    for (const name of ['a:b', 'a-b', 'a.b']) bus.subscribe(OrderPlaced, { name }, () => {})
    await run(bus.start())
    expect(groups.size).toBe(3)
    for (const group of groups) expect(group).toMatch(/^[A-Za-z0-9_.-]+$/)
    await run(bus.close())
  })
})

/** A queue that gives everything again which was not settled when its consumer went. */
class FakeQueue {
  readonly kept: Delivery[] = []
  settled: string[] = []
  #sink: Sink | undefined
  #credit = 0
  #next = 0
  #numbered = 0

  adapter(): TransportAdapter {
    return { name: 'queue', open: async () => this.#transport() }
  }

  /** The connection breaks: all that is not settled comes again, under new numbers. */
  async reconnect(): Promise<void> {
    this.#sink?.lost([0])
    this.#next = 0
    this.#numbered = 0
    await this.#sink?.assigned([0])
    this.#pump()
  }

  #transport(): Transport {
    return {
      capabilities: {
        name: 'queue',
        kind: 'queue',
        durability: 'broker',
        groups: true,
        ordering: 'stream',
        redelivery: true,
        replay: false,
        maxBytes: 1_000_000,
        partitions: 1,
      },
      publish: async (batch) => {
        for (const record of batch)
          this.kept.push({ partition: 0, offset: 0, stream: `\u001f${record.category}\u001f${record.key}`, record })
        this.#pump()
        return batch.map(() => ({ status: 'stored' }))
      },
      subscribe: async (_options, sink) => {
        this.#sink = sink
        await sink.assigned([0])
        return {
          request: (count) => {
            this.#credit += count
            queueMicrotask(() => this.#pump())
          },
          done() {},
          settle: (delivery, how) => {
            expect(how).toBe('done')
            const at = this.kept.findIndex(({ record }) => record?.id === delivery.record?.id)
            if (at === -1) throw new Error('Settled twice')
            this.settled.push(this.kept.splice(at, 1)[0]?.record?.id ?? '')
            this.#next--
          },
          seek() {},
          close: async () => {
            await sink.revoked([0])
            this.#sink = undefined
          },
        }
      },
      async close() {},
    }
  }

  #pump(): void {
    if (this.#sink === undefined) return
    const deliveries: Delivery[] = []
    while (this.#credit > 0 && this.#next < this.kept.length) {
      this.#credit--
      deliveries.push({ ...(this.kept[this.#next++] as Delivery), offset: ++this.#numbered })
    }
    if (deliveries.length > 0) this.#sink.deliver(deliveries)
  }
}

describe('a bus without a store, over a queue', () => {
  it('settles what is handled, and handles again what the broker gives again', async () => {
    const queue = new FakeQueue()
    const bus = await direct(queue.adapter())
    const handled: string[] = []
    let stuck = true
    bus.subscribe(OrderPlaced, { name: 'bills' }, async ({ data }) => {
      if (data.id === 'o-2' && stuck) await new Promise(() => {})
      handled.push(`${data.id}/${data.total}`)
    })
    await run(bus.start())
    for (const [id, total] of [
      ['o-1', 1],
      ['o-2', 2],
      ['o-3', 3],
    ] as const)
      expect(await run(bus.publish(OrderPlaced, { id, total }))).toMatchObject({ durability: 'broker', position: 0 })
    await until('the free ones are handled', () => handled.length === 2)
    expect(handled).toEqual(['o-1/1', 'o-3/3'])
    // The third is handled, but stands behind one that is not.
    await until('the first is settled', () => queue.settled.length === 1)
    stuck = false
    await run(queue.reconnect())
    await until('all are settled', () => queue.kept.length === 0)
    expect(handled).toEqual(['o-1/1', 'o-3/3', 'o-2/2', 'o-3/3'])
    await run(bus.close())
  })
})
