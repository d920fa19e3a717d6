import type { Channel } from 'rabbitmq-client'
import { type Delivery, mulberry32 } from 'tidings/spi'
import { describe, expect, it } from 'vitest'

import type { RawMessage } from '../connection/client-insides.ts'
import { QueueSession } from './queue-session.ts'

interface Ack {
  readonly deliveryTag: number
  readonly multiple: boolean
}

/** A session that is owned, with `count` messages handed over. */
function handedOver(count: number): { session: QueueSession; taken: Delivery[]; acks: Ack[] } {
  const acks: Ack[] = []
  const channel = { active: true, basicAck: (ack: Ack) => void acks.push(ack) } as unknown as Channel
  const session = new QueueSession(channel)
  session.stage = 'owned'
  for (let tag = 1; tag <= count; tag++) session.arrive({ deliveryTag: tag } as RawMessage)
  const taken: Delivery[] = []
  for (let next = take(session); next !== undefined; next = take(session)) taken.push(next)
  return { session, taken, acks }
}

function take(session: QueueSession): Delivery | undefined {
  return session.take(({ deliveryTag }) => ({ partition: 0, offset: deliveryTag, stream: '', record: undefined }))
}

describe('acknowledging', () => {
  it('says once what is done without a gap', () => {
    const { session, taken, acks } = handedOver(5)
    for (const delivery of taken.slice(0, 4)) session.settle(delivery, 'done')
    session.acknowledge()
    expect(acks).toEqual([{ deliveryTag: 4, multiple: true }])
    session.acknowledge()
    expect(acks).toHaveLength(1)
  })

  it('says one by one what is done behind a gap, and once more when the gap has closed', () => {
    const { session, taken, acks } = handedOver(4)
    const [first, second, third, fourth] = taken as [Delivery, Delivery, Delivery, Delivery]
    session.settle(second, 'done')
    session.settle(fourth, 'done')
    session.acknowledge()
    expect(acks).toEqual([
      { deliveryTag: 2, multiple: false },
      { deliveryTag: 4, multiple: false },
    ])
    session.settle(first, 'done')
    session.settle(third, 'done')
    session.acknowledge()
    expect(acks.slice(2)).toEqual([{ deliveryTag: 3, multiple: true }])
  })

  it('tells the broker of each exactly once, in whatever order they are settled (seeds 1 to 200)', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = mulberry32(seed)
      const { session, taken, acks } = handedOver(30)
      const left = [...taken]
      while (left.length > 0) {
        const [delivery] = left.splice(Math.floor(random() * left.length), 1)
        if (delivery !== undefined) session.settle(delivery, 'done')
        if (random() < 0.3) session.acknowledge()
      }
      session.acknowledge()
      // As the broker counts: one word for many must not name what was told before as the last.
      const open = new Set(taken.map(({ offset }) => offset))
      for (const { deliveryTag, multiple } of acks) {
        expect(open.has(deliveryTag), `seed ${seed}: tag ${deliveryTag} is acknowledged once`).toBe(true)
        for (const tag of open) if (tag === deliveryTag || (multiple && tag < deliveryTag)) open.delete(tag)
      }
      expect(open.size, `seed ${seed}`).toBe(0)
    }
  })
})

describe('giving back', () => {
  it('hands over no more, and is spent when all that was handed over is settled', () => {
    const { session, taken, acks } = handedOver(3)
    const [first, second, third] = taken as [Delivery, Delivery, Delivery]
    session.arrive({ deliveryTag: 4 } as RawMessage)
    expect(session.waiting).toBe(1)
    session.settle(second, 'again')
    expect(session.waiting).toBe(0)
    expect(take(session)).toBeUndefined()
    session.settle(third, 'done')
    expect(session.spent).toBe(false)
    session.settle(first, 'done')
    expect(session.spent).toBe(true)
    session.acknowledge()
    expect(acks).toEqual([
      { deliveryTag: 1, multiple: true },
      { deliveryTag: 3, multiple: false },
    ])
  })

  it('changes nothing when it is said twice, or of what was never handed over', () => {
    const { session, taken } = handedOver(1)
    expect(session.settle(taken[0] as Delivery, 'done')).toBe(true)
    expect(session.settle(taken[0] as Delivery, 'again')).toBe(false)
    expect(session.settle({ ...(taken[0] as Delivery) }, 'again')).toBe(false)
    expect(session.frozen).toBe(false)
  })
})

it('a session that has ended takes nothing more and tells nobody', () => {
  const { session, taken, acks } = handedOver(2)
  session.end()
  session.arrive({ deliveryTag: 3 } as RawMessage)
  expect([session.waiting, take(session)]).toEqual([0, undefined])
  expect(session.settle(taken[0] as Delivery, 'done')).toBe(false)
  session.acknowledge()
  expect(acks).toEqual([])
})
