import { expect, it } from 'vitest'

import { createEventBus } from '../bus/create-event-bus.ts'
import { defineEvent } from '../events/define-event.ts'
import { PermanentError, UnavailableError } from '../kernel/errors.ts'
import type { Meter } from '../kernel/meter.ts'
import { virtualRuntime } from '../kernel/virtual-runtime.ts'

it('counts failures by what they say of their event', async () => {
  const counts = new Map<string, number>()
  const meter: Meter = {
    counter: (name, { subscription = '', verdict = '' } = {}) => {
      const id = [name, subscription, verdict].join(' ')
      return { add: (by) => void counts.set(id, (counts.get(id) ?? 0) + by) }
    },
    gauge: () => {},
    histogram: () => ({ record() {} }),
  }
  const runtime = virtualRuntime({ seed: 3 })
  const bus = await createEventBus({ url: 'memory:', runtime, meter })
  const Asked = defineEvent('question.asked', { key: (question: unknown) => (question as { key: string }).key })
  bus.subscribe(Asked, { name: 'answers', retry: { tries: 2 } }, ({ data }) => {
    const { key } = data as { key: string }
    if (key === 'bad') throw new PermanentError('never')
    if (key === 'odd') throw new Error('perhaps later')
  })
  let away = true
  bus.subscribe(Asked, { name: 'archive', concurrency: 1 }, () => {
    if (away) throw new UnavailableError('soon')
  })
  await bus.start()
  for (const key of ['fine', 'bad', 'odd']) await bus.publish(Asked, { key })
  await runtime.advance(100)
  away = false
  await runtime.advance(120_000)
  const counted = (subscription: string) =>
    Object.fromEntries([...counts].filter(([id]) => new RegExp(`(failed|processed) ${subscription} `).test(id)))
  expect(counted('answers')).toEqual({
    'tidings.events.processed answers ': 1,
    'tidings.events.failed answers dead': 1,
    'tidings.events.failed answers retry': 2,
  })
  expect(counted('archive')).toEqual({
    'tidings.events.processed archive ': 3,
    'tidings.events.failed archive unavailable': 1,
  })
  const closing = bus.close()
  await runtime.advance(20_000)
  await closing
})
