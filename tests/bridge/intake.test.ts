import { busStatus, defineEvent, operationsOf, type Store } from 'tidings'
import { type CommitResult, type Delivery, type EventRecord, streamText, type Unit } from 'tidings/spi'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { type BrokerWorld, brokerWorld, note, type ServiceInstance } from './broker-world.ts'
import { deliveries, type Member, type ScriptedBroker, scriptedBroker } from './scripted-broker.ts'

const Noted = defineEvent('note.taken')

let world: BrokerWorld
beforeEach(() => {
  world = brokerWorld(13)
})
afterEach(() => world.close())

async function joined(
  broker: ScriptedBroker,
  inbox: { readonly window?: number; readonly batch?: number } = {},
  keeping: (store: Store) => Store = (store) => store,
): Promise<{ readonly audit: ServiceInstance; readonly member: Member }> {
  const audit = await world.open('audit', { inbox, keeping, through: broker.through })
  note(audit.bus, Noted)
  const starting = audit.bus.start()
  await world.until('it has joined', () => broker.members.length > 0)
  const member = broker.members.at(-1) as Member
  await world.run(member.sink.assigned([0]))
  member.sink.scanned(0, 0)
  await world.run(starting)
  return { audit, member }
}

const place = async ({ store }: ServiceInstance): Promise<number> => {
  const [document] = await store.find('inbox', { id: 'audit/0' })
  return (JSON.parse(document?.body ?? '{}') as { offset: number }).offset
}

const stored = async ({ store }: ServiceInstance): Promise<string[]> =>
  (await store.readAll({ after: 0, limit: 1_000 })).events.map(({ record }) => record.id)

const ids = (from: number, to: number): string[] => deliveries(from, to).map(({ record }) => record?.id as string)

test('what is taken away before it was looked at is not passed over', async () => {
  const { audit, member } = await joined(scriptedBroker())
  member.sink.deliver(deliveries(1, 5))
  member.sink.scanned(0, 5)
  await world.run(member.sink.revoked([0]))
  await world.runtime.advance(10_000)
  expect({ place: await place(audit), stored: await stored(audit) }).toEqual({ place: 0, stored: [] })
})

test('what comes while a partition is taken away does not pass over what was dropped', async () => {
  const { audit, member } = await joined(scriptedBroker(), { batch: 10 })
  audit.disk.add({ what: 'delay', takes: [1_000, 1_000] })
  member.sink.deliver(deliveries(1, 20))
  await world.runtime.advance(100)
  const leaving = member.sink.revoked([0])
  member.sink.deliver(deliveries(21, 30))
  member.sink.scanned(0, 30)
  await world.run(leaving)
  await world.runtime.advance(20_000)
  expect({ place: await place(audit), stored: await stored(audit) }).toEqual({ place: 10, stored: ids(1, 10) })
})

test('a queue whose inbox closes gets back what came after what was dropped', async () => {
  const { audit, member } = await joined(scriptedBroker('queue'), { batch: 10, window: 40 })
  audit.disk.add({ what: 'delay', takes: [1_000, 1_000] })
  member.sink.deliver(deliveries(1, 20))
  await world.runtime.advance(100)
  const { requested } = member
  const closing = audit.bus.close({ deadline: 10_000 })
  await world.runtime.advance(10)
  member.sink.deliver(deliveries(21, 30))
  await world.run(closing)
  expect(await stored(audit)).toEqual(ids(1, 10))
  expect(member.requested).toBe(requested)
})

test('a partition that was made anew at the broker is read from its new beginning', async () => {
  const { audit, member } = await joined(scriptedBroker())
  member.sink.deliver(deliveries(1, 50))
  await world.until('they are stored', async () => (await place(audit)) === 50)
  await world.run(member.sink.revoked([0]))
  expect(await world.run(member.sink.assigned([0]))).toEqual([50])
  // The transport finds the end of the partition below and begins where it was told to.
  member.sink.scanned(0, 0)
  await world.until('the lower place is written down', async () => (await place(audit)) === 0)
  member.sink.deliver(deliveries(1, 5, 'note', 'anew'))
  await world.until('they are stored', async () => (await place(audit)) === 5)
  expect((await stored(audit)).slice(50)).toEqual(deliveries(1, 5, 'note', 'anew').map(({ record }) => record?.id))
  expect((await busStatus(audit.bus)).bridge?.inbox).toMatchObject({ held: 0, received: 55, duplicates: 0 })
  // From here on older offsets have been before.
  member.sink.scanned(0, 2)
  member.sink.deliver(deliveries(3, 5, 'note', 'anew'))
  await world.runtime.advance(10_000)
  expect({ place: await place(audit), stored: (await stored(audit)).length }).toEqual({ place: 5, stored: 55 })
})

test('a partition that was made anew and is taken over meanwhile keeps the place of its new owner', async () => {
  const { audit, member } = await joined(scriptedBroker())
  member.sink.deliver(deliveries(1, 50))
  await world.until('they are stored', async () => (await place(audit)) === 50)
  await world.run(member.sink.assigned([0]))
  await takeOver(audit)
  member.sink.scanned(0, 0)
  await world.runtime.advance(1_000)
  expect(await place(audit)).toBe(50)
})

test('what comes after another instance has taken a partition over costs no credit', async () => {
  const broker = scriptedBroker()
  const { audit, member } = await joined(broker, { window: 10 })
  await takeOver(audit)
  member.sink.deliver(deliveries(1, 4))
  await world.until('it is told', () => audit.logged.some(({ message }) => message.includes('has moved to another')))
  const held = async (): Promise<number | undefined> => (await busStatus(audit.bus)).bridge?.inbox.held
  expect(await held()).toBe(0)
  member.sink.deliver(deliveries(5, 10))
  expect(await held()).toBe(0)
  // Whatever has come is asked for anew, for the partitions that stay.
  expect(member.requested).toBeGreaterThanOrEqual(20)
})

test('what comes between the call that takes a partition away and its end costs no credit', async () => {
  const { audit, member } = await joined(scriptedBroker(), { window: 10 })
  audit.disk.add({ what: 'delay', takes: [1_000, 1_000] })
  member.sink.deliver(deliveries(1, 4))
  await world.runtime.advance(100)
  const leaving = member.sink.revoked([0])
  member.sink.deliver(deliveries(5, 10))
  await world.run(leaving)
  expect((await world.run(busStatus(audit.bus))).bridge?.inbox.held).toBe(0)
  // The six that came too late are asked for anew.
  expect(member.requested).toBe(16)
})

/** Another instance becomes the owner, as far as the store knows. */
async function takeOver({ store }: ServiceInstance): Promise<void> {
  const [document] = await store.find('inbox', { id: 'audit/0' })
  const put = JSON.stringify({ ...JSON.parse(document?.body as string), owner: 'another' })
  await store.commit([{ documents: [{ collection: 'inbox', id: 'audit/0', put }] }])
}

/** A store that takes no text with U+0000 in it, neither in an event nor in a document's name, as PostgreSQL does. */
function withoutNul(store: Store): Store {
  const isRefused = ({ append = [], documents = [] }: Unit): boolean =>
    append.some(({ key }) => key.includes('\0')) || documents.some(({ id }) => id.includes('\0'))
  return {
    ...store,
    async commit(units) {
      const results: CommitResult[] = []
      for (const unit of units) {
        if (isRefused(unit)) results.push({ status: 'refused', error: new Error('22021') })
        else results.push(...(await store.commit([unit])))
      }
      return results
    },
  }
}

/** The same with a key that `withoutNul` does not take. */
function withNul(delivery: Delivery): Delivery {
  const record = { ...(delivery.record as EventRecord), key: 'k\0' }
  return { ...delivery, record, stream: streamText(record) }
}

/** The same with a type that no inbox takes in. */
function internal(delivery: Delivery): Delivery {
  const record = { ...(delivery.record as EventRecord), type: 'tidings.note.taken' }
  return { ...delivery, record, stream: streamText(record) }
}

test.each(['log', 'queue'] as const)(
  'what a store takes neither as an event nor as a dead letter is dropped, and holds up nothing of a %s',
  async (kind) => {
    const { audit, member } = await joined(scriptedBroker(kind), {}, withoutNul)
    const [one, two, three, four, five, six] = deliveries(1, 6) as [
      Delivery,
      Delivery,
      Delivery,
      Delivery,
      Delivery,
      Delivery,
    ]
    member.sink.deliver([withNul(one), two, internal(three), withNul(internal(four)), five, withNul(internal(six))])
    await world.until('the sound ones are stored', async () => (await stored(audit)).length === 2)
    member.sink.deliver(deliveries(7, 8))
    await world.until('what follows is stored', async () => (await stored(audit)).length === 4)
    expect(await stored(audit)).toEqual(['e-2', 'e-5', 'e-7', 'e-8'])
    const { items } = await operationsOf(audit.bus).parked.list({ subscription: 'inbox' })
    expect(items.map(({ eventId }) => eventId)).toEqual(['e-3'])
    const dropped = audit.logged.filter(({ message }) => message.includes('even as a dead letter'))
    expect(dropped.map(({ level }) => level)).toEqual(['error', 'error', 'error'])
    const { inbox } = (await busStatus(audit.bus)).bridge ?? {}
    expect(inbox).toMatchObject({ held: 0, received: 4, dead: 4 })
    if (kind === 'log') expect(await place(audit)).toBe(8)
  },
)
