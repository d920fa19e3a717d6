import { expect, test } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { virtualRuntime } from '../kernel/virtual-runtime.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import type { Store } from '../store/store.ts'
import { createEventBus } from './create-event-bus.ts'

const Placed = defineEvent('order.placed')
const never = new Promise<never>(() => {})

/** A store that from some moment on answers nothing that is asked of it, nor closes. */
function silencing(inner: Store): { store: Store; silence: () => void } {
  let silent = false
  return {
    store: {
      ...inner,
      capabilities: inner.capabilities,
      commit: (units) => (silent ? never : inner.commit(units)),
      readAll: (query) => (silent ? never : inner.readAll(query)),
      readStream: (stream, query) => inner.readStream(stream, query),
      find: (collection, query) => (silent ? never : inner.find(collection, query)),
      watch: (wake) => inner.watch(wake),
      prune: (query) => inner.prune(query),
      close: () => (silent ? never : inner.close()),
    },
    silence: () => (silent = true),
  }
}

test.each([1_000, 5_000, 60_000])(
  'close ends within its deadline of %d ms, though neither the store nor a handler ever answers',
  async (deadline) => {
    const runtime = virtualRuntime()
    const { store, silence } = silencing(memoryStore())
    const bus = await createEventBus({ store: { name: 'silent', open: () => Promise.resolve(store) }, runtime })
    let begun = 0
    bus.subscribe(Placed, { name: 'one' }, () => {
      begun++
      return never
    })
    bus.subscribe(Placed, { name: 'two' }, () => {})
    await bus.start()
    await bus.publish(Placed, { id: 'o-1' })
    await runtime.advance(1_000)
    expect(begun).toBe(1)
    silence()
    bus.publish(Placed, { id: 'o-2' }).catch(() => {})
    let closed = false
    void bus.close({ deadline }).then(() => (closed = true))
    await runtime.advance(deadline * 0.5)
    expect(closed).toBe(false)
    // The last steps are never given less than a tenth of a second.
    await runtime.advance(deadline * 0.5 + 400)
    expect(closed).toBe(true)
  },
)

test('close ends within its deadline in the middle of a start that gets no answer, which then fails', async () => {
  const runtime = virtualRuntime()
  const { store, silence } = silencing(memoryStore())
  const bus = await createEventBus({ store: { name: 'silent', open: () => Promise.resolve(store) }, runtime })
  bus.subscribe(Placed, { name: 'one' }, () => {})
  silence()
  void bus.start().catch(() => {})
  let closed = false
  void bus.close({ deadline: 5_000 }).then(() => (closed = true))
  await runtime.advance(5_400)
  expect(closed).toBe(true)
  await expect(bus.start()).rejects.toMatchObject({ code: 'TIDINGS_CLOSED' })
})

test('a start that is answered after the close begins nothing', async () => {
  const runtime = virtualRuntime()
  const inner = memoryStore()
  const gate = Promise.withResolvers<void>()
  const store: Store = {
    ...silencing(inner).store,
    find: (collection, query) => gate.promise.then(() => inner.find(collection, query)),
    close: () => Promise.resolve(),
  }
  const bus = await createEventBus({ store: { name: 'slow', open: () => Promise.resolve(store) }, runtime })
  bus.subscribe(Placed, { name: 'one' }, () => {})
  const started = expect(bus.start()).rejects.toMatchObject({ code: 'TIDINGS_CLOSED' })
  const closing = bus.close({ deadline: 1_000 })
  await runtime.advance(1_400)
  await closing
  gate.resolve()
  await started
  await runtime.advance(10_000)
  expect(await inner.find('instances')).toEqual([])
  expect(runtime.pending).toBe(0)
})

test('a start that is refused for one subscription begins none', async () => {
  const runtime = virtualRuntime()
  const store = memoryStore()
  const before = await createEventBus({ store, runtime })
  before.subscribe('order.*', { name: 'changed' }, () => {})
  await before.start()
  await before.close()
  const bus = await createEventBus({ store, runtime })
  let heard = 0
  bus.subscribe(Placed, { name: 'sound', from: 'beginning' }, () => void heard++)
  bus.subscribe(Placed, { name: 'changed' }, () => void heard++)
  await expect(bus.start()).rejects.toMatchObject({ code: 'TIDINGS_SUBSCRIPTION_CHANGED' })
  const other = await createEventBus({ store, runtime })
  await other.publish(Placed, { id: 'o-1' } as never)
  await runtime.advance(60_000)
  expect(heard).toBe(0)
  expect(runtime.pending).toBe(0)
})

test('what is declared while the bus starts begins with it', async () => {
  const runtime = virtualRuntime()
  const bus = await createEventBus({ url: 'memory:', runtime })
  const heard: string[] = []
  const hear = (name: string): void => bus.subscribe(Placed, { name }, () => void heard.push(name))
  hear('first')
  const starting = bus.start()
  hear('second')
  await Promise.resolve().then(() => hear('third'))
  await starting
  await bus.publish(Placed, { id: 'o-1' } as never)
  await runtime.advance(1_000)
  expect(heard.toSorted()).toEqual(['first', 'second', 'third'])
  await bus.close()
})
