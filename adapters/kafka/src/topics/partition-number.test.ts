import { isTidingsError } from 'tidings/spi'
import { expect, it } from 'vitest'

import { partitionNumber } from './partition-number.ts'
import { isTopicOf, topicOf } from './topic-names.ts'
import { numbered } from './topics.ts'

const topic = (name: string, id: string, count: number) => ({
  name,
  id,
  partitions: Array.from({ length: count }, () => ({ leader: 1, replicas: 1 })),
})

it('a partition has one number for good, another for each partition and each making of a topic', () => {
  const all = [
    topic('a', '6f1e2d3c-0000-4000-8000-1234567890ab', 3),
    topic('b', '6f1e2d3c-0000-4000-8000-ffffffffffff', 3),
    topic('a again', '00000000-0000-4000-8000-000000000001', 3),
  ]
  const numbers = numbered(all)
  expect(numbers.size).toBe(9)
  for (const [number, { topic: one, partition }] of numbers) {
    expect(Number.isSafeInteger(number)).toBe(true)
    expect(number).toBe(partitionNumber(one.id, partition))
  }
})

it('two topics that share a number are refused', () => {
  const twins = [
    topic('a', '6f1e2d3c-0000-4000-8000-000000000001', 1),
    topic('b', '99999999-0000-4000-8000-000000000001', 1),
  ]
  expect(() => numbered(twins)).toThrow(expect.objectContaining({ code: 'TIDINGS_CONFLICT' }) as Error)
})

it('a category makes a topic where Kafka knows such names', () => {
  expect(topicOf('shop.', 'order')).toBe('shop.order')
  for (const category of ['größe', 'a b', 'a/b', '', 'x'.repeat(250)]) {
    try {
      expect(topicOf('', category)).toBeUndefined()
    } catch (error) {
      expect(isTidingsError(error, 'TIDINGS_INVALID_EVENT')).toBe(true)
    }
  }
  expect(['shop.order', 'shop.', 'other', '__shop.order'].map((name) => isTopicOf('shop.', name))).toEqual([
    true,
    false,
    false,
    false,
  ])
  expect(isTopicOf('', '__consumer_offsets')).toBe(false)
})
