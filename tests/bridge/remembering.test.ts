import { defineEvent } from 'tidings'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { type BrokerWorld, brokerWorld, note } from './broker-world.ts'

const Noted = defineEvent('note.taken')

let world: BrokerWorld
beforeEach(() => {
  world = brokerWorld(5)
})
afterEach(() => world.close())

test('events of others go when everybody has passed them and the time to remember them is over; own ones stay', async () => {
  const shop = await world.open('shop')
  const audit = await world.open('audit', { remember: '30s' })
  const forever = await world.open('archive', { remember: 'forever' })
  const heard = note(audit.bus, Noted)
  note(forever.bus, Noted)
  await world.run(Promise.all([shop, audit, forever].map(({ bus }) => bus.start())))
  await world.run(audit.bus.publish(Noted, { id: 'own' }))
  for (let n = 0; n < 5; n++) await world.run(shop.bus.publish(Noted, { id: `n-${n}` }))
  await world.until('all have come', () => heard.length === 6)
  const sources = async ({ store }: typeof audit): Promise<string[]> =>
    (await store.readAll({ after: 0, limit: 100 })).events.map(({ record }) => record.source)
  await world.runtime.advance(20_000)
  expect(await sources(audit)).toHaveLength(6)
  // Looked at once a minute, as where the log stood then.
  await world.runtime.advance(120_000)
  expect(await sources(audit)).toEqual(['/audit'])
  expect(await sources(forever)).toHaveLength(6)
  // What is gone stays known to the broker's checkpoint: it does not come again.
  await world.runtime.advance(60_000)
  expect(heard).toHaveLength(6)
})
