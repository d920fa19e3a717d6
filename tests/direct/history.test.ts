import {
  archiveStream,
  createEventBus,
  createReplay,
  decide,
  defineAggregate,
  defineEvent,
  load,
  memoryStore,
} from 'tidings'
import { logTransport, type TransportAdapter, virtualRuntime } from 'tidings/spi'
import { expect, it } from 'vitest'

const Moved = defineEvent<{ id: string }>('stock.moved')
const stock = defineAggregate('stock', { initial: 0, on: [Moved], evolve: (n) => n + 1, snapshot: { every: 1 } })

it('a bus without a store refuses what stands on history, which would look empty', async () => {
  const runtime = virtualRuntime()
  const log = memoryStore()
  const transport: TransportAdapter = { name: 'log', open: async (host) => logTransport(log, host, {}, 'relied') }
  const bus = await createEventBus({ store: 'none', transport, source: '/shop', runtime })
  const refused = { code: 'TIDINGS_NOT_SUPPORTED', details: { field: 'store' } }
  await expect(load(bus, stock, 'tea')).rejects.toMatchObject(refused)
  await expect(decide(bus, stock, 'tea', () => Moved.create({ id: 'tea' }))).rejects.toMatchObject(refused)
  await expect(archiveStream(bus, stock, 'tea')).rejects.toMatchObject(refused)
  expect(() => createReplay(bus, { into: 'any' })).toThrow(expect.objectContaining(refused))
  expect((await log.readAll({ after: 0, limit: 1 })).events).toEqual([])
  const closing = bus.close()
  await runtime.advance(20_000)
  await closing
})
