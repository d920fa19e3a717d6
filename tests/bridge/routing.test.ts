import { busStatus, defineEvent, operationsOf, operationsOn, type RouteOption } from 'tidings'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { type BrokerWorld, brokerWorld, note, type ServiceInstance } from './broker-world.ts'

const Placed = defineEvent('order.placed')
const Shipped = defineEvent('order.shipped')
const Cached = defineEvent('cache.filled', { priority: 'low' })
const Alarm = defineEvent('alarm.raised', { priority: 'critical' })
const all = [Placed, Shipped, Cached, Alarm] as const

let world: BrokerWorld
beforeEach(() => {
  world = brokerWorld(13)
})
afterEach(() => world.close())

const rules: RouteOption = [
  { name: 'alarms go round', priority: 'critical', to: 'both' },
  { type: 'order.shipped', to: 'remote' },
  { category: ['cache', 'session'], to: 'local' },
]

async function published(route: RouteOption): Promise<{
  readonly shop: ServiceInstance
  readonly here: readonly string[]
  readonly there: readonly string[]
  readonly ids: Readonly<Record<string, string>>
}> {
  const shop = await world.open('shop', { route })
  const audit = await world.open('audit')
  const here = note(shop.bus, '**')
  const there = note(audit.bus, '**')
  const inline: string[] = []
  shop.bus.subscribe('**', { name: 'inline', mode: 'inline' }, ({ type }) => void inline.push(type))
  await world.run(Promise.all([shop.bus.start(), audit.bus.start()]))
  const ids: Record<string, string> = {}
  for (const definition of all) {
    const receipt = await world.run(shop.bus.publish(definition, { id: definition.type }))
    ids[definition.type] = receipt.id
  }
  await world.until('the last has crossed', () => there.some(({ event }) => event.type === 'alarm.raised'))
  await world.runtime.advance(20_000)
  const types = (heard: typeof here): string[] => heard.map(({ event }) => event.type).sort()
  expect(inline.sort()).toEqual(types(here))
  expect((await shop.store.readAll({ after: 0, limit: 10 })).events).toHaveLength(4)
  return { shop, here: types(here), there: types(there), ids }
}

test('rules decide, the first that holds; all events are stored', async () => {
  const { here, there } = await published(rules)
  expect(here).toEqual(['alarm.raised', 'cache.filled', 'order.placed'])
  expect(there).toEqual(['alarm.raised', 'order.placed', 'order.shipped'])
})

test('a function decides as well', async () => {
  const { here, there } = await published(({ priority }) => (priority === 'low' ? 'local' : 'both'))
  expect(here).toHaveLength(4)
  expect(there).toEqual(['alarm.raised', 'order.placed', 'order.shipped'])
})

test('a function that fails costs no event', async () => {
  const { shop, here, there } = await published(({ type }) => {
    if (type === 'order.placed') throw new Error('no idea')
    return (type === 'order.shipped' ? 'moon' : 'both') as 'both'
  })
  expect(here).toHaveLength(4)
  expect(there).toHaveLength(4)
  expect(shop.logged.filter(({ message }) => message.includes('`route` fails'))).toHaveLength(1)
})

test('explain tells where an event went and which rule said so, whoever asks', async () => {
  const { shop, ids } = await published(rules)
  for (const operations of [operationsOf(shop.bus), operationsOn(shop.store)]) {
    const explained = async (type: string): Promise<unknown> => {
      const [explanation] = await operations.explain(ids[type] as string)
      const standings = explanation?.subscriptions.map(({ name, standing, why }) => [name, standing, why])
      return {
        route: explanation?.route,
        ...Object.fromEntries((standings ?? []).map(([name, ...rest]) => [name, rest])),
      }
    }
    expect(await explained('order.placed')).toMatchObject({
      route: { to: 'both', rule: 'default' },
      relay: ['handled', 'The broker has it.'],
      notes: ['handled', expect.anything()],
    })
    expect(await explained('order.shipped')).toMatchObject({
      route: { to: 'remote', rule: 'rule 2' },
      relay: ['handled', 'The broker has it.'],
      notes: ['no-match', 'The route `rule 2` sends the event to the broker alone.'],
    })
    expect(await explained('cache.filled')).toMatchObject({
      route: { to: 'local', rule: 'rule 3' },
      relay: ['no-match', 'The route `rule 3` keeps the event here.'],
      notes: ['handled', expect.anything()],
    })
    expect(await explained('alarm.raised')).toMatchObject({ route: { to: 'both', rule: 'alarms go round' } })
  }
})

test('what came from elsewhere is explained as not to be relayed', async () => {
  const shop = await world.open('shop')
  const audit = await world.open('audit')
  note(audit.bus, '**')
  await world.run(Promise.all([shop.bus.start(), audit.bus.start()]))
  const { id } = await world.run(shop.bus.publish(Placed, { id: 'o-1' }))
  await world.until('it has come', async () => (await busStatus(audit.bus)).bridge?.inbox.received === 1)
  const [explanation] = await operationsOf(audit.bus).explain(id)
  expect(explanation).not.toHaveProperty('route')
  expect(explanation?.subscriptions.find(({ name }) => name === 'relay')).toMatchObject({
    standing: 'no-match',
    why: 'It hands over what /audit publishes, and this came from /shop.',
  })
})

test('wrong rules are told together', async () => {
  const route = [{ to: 'moon' }, { to: 'both', type: '**.x', priority: 'urgent', category: [], name: '' }, 7] as never
  const failure = await world.open('shop', { route }).catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'TIDINGS_INVALID_OPTION' })
  for (const named of ['route[0].to', '**.x', 'route[1].name', 'route[1].priority', 'route[1].category', 'route[2]'])
    expect((failure as Error).message).toContain(named)
})
