import { generateKeyPairSync } from 'node:crypto'

import { expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { plainRecord } from '../events/record-codec.ts'
import { createSealer, createSealVerifier } from '../events/seal.ts'
import { defineSaga, step } from '../sagas/define-saga.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import type { Store, StoredEvent } from '../store/store.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import { operationsOf } from './operations.ts'

const Begun = defineEvent<{ id: string }>('journey.begun', { key: ({ id }) => id })
const Arrived = defineEvent<{ id: string }>('journey.arrived', { key: ({ id }) => id })

/** A store that gives records back as one on disk does: without the events that they were made of. */
function rereading(): Store {
  const store = memoryStore()
  const reread = (stored: StoredEvent): StoredEvent => {
    const { event: _event, ...record } = plainRecord(stored.record)
    return { ...stored, record }
  }
  return {
    ...store,
    async readAll(query) {
      const page = await store.readAll(query)
      return { ...page, events: page.events.map(reread) }
    },
    async readStream(stream, query) {
      return (await store.readStream(stream, query)).map(reread)
    },
  }
}

it('operators steer sagas of a bus that verifies seals, too', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  await using world = await createTestBus({
    store: rereading(),
    publish: { seal: createSealer({ keyId: 'a', privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) }) },
    verifySeal: createSealVerifier({ keys: { a: publicKey.export({ type: 'spki', format: 'pem' }) } }),
  })
  const { bus, clock } = world
  bus.use(
    defineSaga('journey', {
      startsWith: Begun,
      steps: [step('arrival', { run: () => {}, waitFor: { event: Arrived } })],
    }),
  )
  await bus.start()
  await bus.publish(Begun, { id: 'j-1' })
  await clock.advance('5s')
  const asking = operationsOf(bus).sagas.cancel({ saga: 'journey', key: 'j-1' }, { by: 'ada', deadline: '5s' })
  await clock.advance('1m')
  expect((await asking).taken).toBe(true)
})
