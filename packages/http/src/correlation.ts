import { randomUUID } from 'node:crypto'

import type { FastifyPluginCallback } from 'fastify'
import { runWithContext } from 'tidings'

import { everywhere } from './everywhere.ts'
import { HttpProblem } from './problems.ts'

export interface CorrelationOptions {
  /** Makes an id for requests that bring none. Default: a random UUID. */
  readonly makeId?: () => string
}

declare module 'fastify' {
  interface FastifyRequest {
    /** One id for all that follows from this request; from its header `x-correlation-id`, or made. */
    correlationId: string
  }
}

const visible = /^[\u0021-\u007e]{1,200}$/
const traceContext = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/

/**
 * Gives each request its correlation id and answers with it. Events that the route's handler publishes carry it, and the caller's
 * `traceparent` where it sends one. A header that cannot serve as an id is refused with 400.
 */
export const correlation: FastifyPluginCallback<CorrelationOptions> = everywhere(
  (app, { makeId = randomUUID }: CorrelationOptions, done) => {
    app.decorateRequest('correlationId', '')
    app.addHook('onRequest', (request, reply, next) => {
      const given = request.headers['x-correlation-id']
      const usable = typeof given === 'string' && visible.test(given)
      request.correlationId = usable ? given : makeId()
      void reply.header('x-correlation-id', request.correlationId)
      if (given === undefined || usable) next()
      else next(refused())
    })
    // After the body has been read, for reading it may leave the context again.
    app.addHook('preHandler', (request, _reply, next) => {
      const { traceparent } = request.headers
      const { correlationId } = request
      const traced = typeof traceparent === 'string' && traceContext.test(traceparent) ? { traceparent } : {}
      runWithContext({ correlationId, ...traced }, next)
    })
    done()
  },
)

function refused(): HttpProblem {
  const errors = [{ field: 'x-correlation-id', rule: 'must be 1 to 200 visible ASCII characters' }]
  return new HttpProblem({ status: 400, title: 'The request is not valid', errors })
}
