import Fastify from 'fastify'
import { type ErrorCode, type Log, TidingsError } from 'tidings'
import { describe, expect, it } from 'vitest'

import { HttpProblem, problems } from './problems.ts'

const secret = 'hunter2'

async function answerTo(error: unknown, log?: Log) {
  const app = Fastify()
  await app.register(problems, log === undefined ? {} : { log })
  app.get('/', () => {
    throw error
  })
  return app.inject({ url: '/' })
}

describe('a failure', () => {
  it('that a route has put into words is answered in those words', async () => {
    const answer = await answerTo(
      new HttpProblem({
        status: 409,
        title: 'Taken',
        detail: 'Choose another.',
        errors: [{ field: 'email', rule: 'must be free' }],
        headers: { 'retry-after': '5' },
      }),
    )
    expect(answer.statusCode).toBe(409)
    expect(answer.headers).toMatchObject({
      'content-type': 'application/problem+json; charset=utf-8',
      'retry-after': '5',
    })
    expect(answer.json()).toEqual({
      type: 'about:blank',
      title: 'Taken',
      status: 409,
      detail: 'Choose another.',
      errors: [{ field: 'email', rule: 'must be free' }],
    })
  })

  it.each([
    ['TIDINGS_INVALID_DATA', 400],
    ['TIDINGS_CONFLICT', 409],
    ['TIDINGS_TOO_LARGE', 413],
    ['TIDINGS_RATE_LIMITED', 429],
    ['TIDINGS_STORE_UNAVAILABLE', 503],
    ['TIDINGS_UNIT_REFUSED', 500],
  ] as const)('of Tidings with %s is a %i that keeps its code', async (code: ErrorCode, status) => {
    const answer = await answerTo(new TidingsError(code, 'the words'))
    expect(answer.json()).toMatchObject({ status, code, ...(status < 500 ? { detail: 'the words' } : {}) })
    if (status >= 500) expect(answer.body).not.toContain('the words')
  })

  it('of the server says nothing of its cause, and tells the log', async () => {
    const told: unknown[] = []
    const answer = await answerTo(
      new Error(`no luck with ${secret}`),
      (level, message, fields) => void told.push([level, message, fields]),
    )
    expect(answer.statusCode).toBe(500)
    expect(answer.body).not.toContain(secret)
    expect(told).toEqual([
      ['error', 'A request has failed', expect.objectContaining({ method: 'GET', route: '/', status: 500 })],
    ])
  })

  it('to read a body does not quote it', async () => {
    const app = Fastify()
    await app.register(problems, {})
    app.post('/', () => 'unreachable')
    const answer = await app.inject({
      method: 'POST',
      url: '/',
      headers: { 'content-type': 'application/json' },
      payload: `{"password": ${secret}}`,
    })
    expect(answer.statusCode).toBe(400)
    expect(answer.body).not.toContain(secret)
    expect(answer.json()).toMatchObject({ title: 'The request cannot be read' })
  })

  it('of validation names the field and the rule', async () => {
    const app = Fastify()
    await app.register(problems, {})
    app.post(
      '/',
      {
        schema: {
          body: { type: 'object', required: ['name'], properties: { name: { type: 'string', minLength: 3 } } },
        },
      },
      () => 'unreachable',
    )
    const answer = await app.inject({ method: 'POST', url: '/', payload: { name: 'x' } })
    expect(answer.json()).toMatchObject({
      status: 400,
      errors: [{ field: 'name', rule: 'must NOT have fewer than 3 characters' }],
    })
  })
})
