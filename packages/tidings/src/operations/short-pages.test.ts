import { describe, expect, it } from 'vitest'

import { eventHistory } from '../bus/event-history.ts'
import { defineEvent } from '../events/define-event.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import type { Store } from '../store/store.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import { operationsOn } from './operations.ts'

/** A store that ends a page after having looked at ten positions, as the port allows and the SQLite store does at 20,000. */
function shortPages(): Store {
  const store = memoryStore()
  return {
    ...store,
    readAll: (query) =>
      query.types?.length === 0
        ? store.readAll(query)
        : store.readAll({ ...query, upTo: Math.min(query.upTo ?? Number.POSITIVE_INFINITY, query.after + 10) }),
  }
}

const Step = defineEvent('step.taken')
const Rare = defineEvent('rare.seen')

/** Events 1, 51 and 101 are what is looked for. */
async function filled(): Promise<Store> {
  const store = shortPages()
  await using world = await createTestBus({ store })
  const common = Array.from({ length: 49 }, () => Step.create({}))
  for (let round = 0; round < 3; round++) {
    await world.bus.publish([Rare.create({}, { tenantId: 'acme' }), ...common])
  }
  return store
}

async function placesOf(events: AsyncIterable<{ readonly position: number }>): Promise<readonly number[]> {
  const places: number[] = []
  for await (const { position } of events) places.push(position)
  return places
}

describe('a page of the log that ends early', () => {
  it('ends neither history nor a search', async () => {
    const store = await filled()
    const history = eventHistory(store, { payloads: undefined, maxBytes: 1_000_000 })
    expect(await placesOf(history.readAll({ tenant: 'acme' }))).toEqual([1, 51, 101])
    expect(await placesOf(operationsOn(store).events.search({ tenant: 'acme' }))).toEqual([1, 51, 101])
  })

  it('makes nobody who follows pass over the rest', async () => {
    const store = await filled()
    const heard: number[] = []
    for await (const { position } of operationsOn(store).events.follow({ tenant: 'acme', after: 0 })) {
      heard.push(position)
      if (heard.length === 3) break
    }
    expect(heard).toEqual([1, 51, 101])
  })

  it('hides nothing that a subscription has yet to look at', async () => {
    const store = await filled()
    const registration = { name: 'idle', patterns: ['rare.seen'], order: 'stream', mode: 'queued', run: 0, start: 0 }
    // Registered, and gone before it has handled anything.
    await store.commit([
      {
        documents: [
          { collection: 'subscriptions', id: 'idle', put: JSON.stringify({ ...registration, registeredAt: 0 }) },
        ],
      },
    ])
    const [idle] = await operationsOn(store).subscriptions()
    expect(idle?.waiting).toMatchObject({ events: 3, more: false })
  })
})
