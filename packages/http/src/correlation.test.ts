import { setImmediate as turn } from 'node:timers/promises'

import Fastify, { type FastifyInstance } from 'fastify'
import { currentContext } from 'tidings'
import { expect, it } from 'vitest'

import { correlation } from './correlation.ts'
import { problems } from './problems.ts'

async function app(): Promise<FastifyInstance> {
  const made = Fastify()
  await made.register(problems, {})
  await made.register(correlation, { makeId: () => 'made-1' })
  made.post('/context', async (request) => {
    await turn()
    return { ...currentContext(), own: request.correlationId }
  })
  return made
}

it('takes the correlation id and the trace of the caller over into what a route does, and answers with the id', async () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const answer = await (await app()).inject({
    method: 'POST',
    url: '/context',
    headers: { 'x-correlation-id': 'req-7', traceparent },
    payload: { any: 'body' },
  })
  expect(answer.headers['x-correlation-id']).toBe('req-7')
  expect(answer.json()).toEqual({ correlationId: 'req-7', traceparent, own: 'req-7' })
})

it('makes an id where the caller names none, and leaves a trace aside that is none', async () => {
  const answer = await (await app()).inject({
    method: 'POST',
    url: '/context',
    headers: { traceparent: '00-zz' },
    payload: {},
  })
  expect(answer.headers['x-correlation-id']).toBe('made-1')
  expect(answer.json()).toEqual({ correlationId: 'made-1', own: 'made-1' })
})

it.each(['with space', '', 'x'.repeat(201), 'ü'])('refuses %j as an id, without repeating it', async (id) => {
  const answer = await (await app()).inject({ method: 'POST', url: '/context', headers: { 'x-correlation-id': id } })
  expect(answer.statusCode).toBe(400)
  expect(answer.json()).toMatchObject({
    errors: [{ field: 'x-correlation-id', rule: 'must be 1 to 200 visible ASCII characters' }],
    correlationId: 'made-1',
  })
})

it('also names the request where there is no route', async () => {
  const answer = await (await app()).inject({ url: '/nowhere', headers: { 'x-correlation-id': 'req-8' } })
  expect(answer.statusCode).toBe(404)
  expect(answer.headers['content-type']).toContain('application/problem+json')
  expect(answer.json()).toMatchObject({ status: 404, correlationId: 'req-8' })
})
