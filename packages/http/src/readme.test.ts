import Fastify, { type FastifyInstance } from 'fastify'
import { createEventBus, defineEvent, type EventBus } from 'tidings'
import { expect, it } from 'vitest'

import { correlation, health, problems, statusPage } from './index.ts'

// #region serve
const BellRung = defineEvent('bell.rung')

async function serve(bus: EventBus): Promise<FastifyInstance> {
  const app = Fastify()
  await app.register(problems)
  await app.register(correlation)
  await app.register(health, { buses: [bus] })
  await app.register(statusPage, { buses: [bus] })
  app.post('/bell', async (_request, reply) => {
    const { id } = await bus.publish(BellRung, { loud: true })
    return reply.code(202).send({ id })
  })
  return app
}
// #endregion serve

it('does what the README shows', async () => {
  const bus = await createEventBus({ url: 'memory:', source: '/house' })
  await bus.start()
  const app = await serve(bus)
  const rung = await app.inject({ method: 'POST', url: '/bell', headers: { 'x-correlation-id': 'c-1' } })
  expect(rung.statusCode).toBe(202)
  expect(rung.headers['x-correlation-id']).toBe('c-1')
  const [event] = await bus.store.getEventsByCorrelationId('c-1')
  expect(event?.id).toBe(rung.json<{ id: string }>().id)
  expect((await app.inject('/health/ready')).statusCode).toBe(200)
  expect((await app.inject('/')).headers['content-type']).toContain('text/html')
  await app.close()
  await bus.close()
})
