import { expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import { defineSaga, step } from './define-saga.ts'
import { readSaga, sagasCollection } from './saga-document.ts'

const Asked = defineEvent<{ readonly id: string }>('paper.asked', { key: ({ id }) => id })
const Signed = defineEvent<{ readonly id: string }>('paper.signed', { key: ({ id }) => id })

it('keeps a saga that never ends by itself and is kept for ever, whether it waits for its beginning or has ended', async () => {
  await using world = await createTestBus()
  const { bus, clock, store } = world
  const stands = async () => (await store.find(sagasCollection)).map((document) => readSaga(document).status)
  bus.use(
    defineSaga('signature', {
      startsWith: Asked,
      correlate: ({ data }) => data.id,
      timeout: 'never',
      keep: 'forever',
      steps: [step('sign', { run: () => {}, waitFor: { event: Signed } })],
    }),
  )
  await bus.start()
  await bus.publish(Signed, { id: 'p-1' })
  await clock.advance('5m')
  expect(await stands()).toEqual(['early'])
  expect(await store.find('parked')).toEqual([])
  await bus.publish(Asked, { id: 'p-1' })
  await clock.advance('5m')
  expect(await stands()).toEqual(['done'])
  expect(await store.find(sagasCollection, { by: { index: 'gone' } })).toEqual([])
})
