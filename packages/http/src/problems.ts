import type { FastifyError, FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import { type ErrorCode, isTidingsError, type Log } from 'tidings'

import { everywhere } from './everywhere.ts'

/** What is wrong with one field. Never holds what was sent. */
export interface FieldProblem {
  readonly field: string
  readonly rule: string
}

export interface HttpProblemOptions {
  readonly status: number
  /** What went wrong in a few words, the same each time. */
  readonly title: string
  /** What the caller can do about it. */
  readonly detail?: string
  readonly errors?: readonly FieldProblem[]
  readonly headers?: Readonly<Record<string, string>>
}

/** Thrown by a route to answer with a problem (RFC 9457). */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem'
  readonly statusCode: number
  readonly options: HttpProblemOptions

  constructor(options: HttpProblemOptions) {
    super(options.title)
    this.statusCode = options.status
    this.options = options
  }
}

export interface ProblemOptions {
  /** Told of what answers with 500 and more. Default: nobody. */
  readonly log?: Log
}

/**
 * Answers every failure as `application/problem+json`: validation names each field and its rule, errors of Tidings keep their code, and
 * whatever else is the server's fault says nothing but that.
 */
export const problems: FastifyPluginCallback<ProblemOptions> = everywhere((app, { log }: ProblemOptions, done) => {
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error)
    if (problem.status >= 500) {
      const { name, message, stack } = error as Error
      log?.('error', 'A request has failed', {
        method: request.method,
        route: request.routeOptions.url ?? 'unknown',
        status: problem.status,
        correlationId: correlationOf(request),
        error: { name, message, stack },
      })
    }
    return send(request, reply, problem)
  })
  app.setNotFoundHandler((request, reply) => send(request, reply, { status: 404, title: 'There is nothing here' }))
  done()
})

interface Problem extends HttpProblemOptions {
  readonly code?: ErrorCode
}

const statusOfCode: Partial<Record<ErrorCode, number>> = {
  TIDINGS_CLOSED: 503,
  TIDINGS_COMMIT_UNKNOWN: 503,
  TIDINGS_CONFLICT: 409,
  TIDINGS_DEADLINE: 503,
  TIDINGS_INVALID_DATA: 400,
  TIDINGS_INVALID_EVENT: 400,
  TIDINGS_INVALID_OPTION: 400,
  TIDINGS_NOT_FOUND: 404,
  TIDINGS_OVERLOADED: 503,
  TIDINGS_RATE_LIMITED: 429,
  TIDINGS_STORE_FULL: 503,
  TIDINGS_STORE_UNAVAILABLE: 503,
  TIDINGS_TOO_LARGE: 413,
  TIDINGS_TX_HOLD: 503,
}

const titles: Readonly<Record<number, string>> = {
  400: 'The request cannot be read',
  401: 'Please log in',
  403: 'This is not yours to do',
  404: 'There is nothing here',
  405: 'This cannot be done here',
  409: 'Somebody was quicker',
  413: 'The request is too large',
  415: 'The content type is not one that is understood here',
  429: 'Too many requests',
  503: 'This cannot be done now; please try again',
}

function problemOf(error: unknown): Problem {
  if (error instanceof HttpProblem) return error.options
  if (isTidingsError(error)) {
    const status = statusOfCode[error.code] ?? 500
    const title = titles[status] ?? 'The server has failed'
    // Messages of Tidings name fields and rules and no payload, but a 5xx is none of the caller's business.
    return { status, title, code: error.code, ...(status < 500 ? { detail: error.message } : {}) }
  }
  const { validation, statusCode = 500 } = error as FastifyError
  if (validation !== undefined) {
    const errors = validation.flatMap(({ instancePath, message = 'is not valid', params }) => {
      const place = instancePath.replace(/^\//, '').replaceAll('/', '.')
      const unknown = (params as { readonly keys?: unknown } | undefined)?.keys
      if (!Array.isArray(unknown)) return [{ field: place || 'body', rule: message }]
      return unknown.map((key) => ({
        field: [place, String(key).slice(0, 80)].filter((part) => part !== '').join('.'),
        rule: 'is not known here',
      }))
    })
    return { status: 400, title: 'The request is not valid', errors }
  }
  // Messages of parsers quote what they could not parse, so they are not passed on.
  const status = statusCode >= 400 && statusCode < 600 ? statusCode : 500
  return { status, title: titles[status] ?? (status < 500 ? 'The request is refused' : 'The server has failed') }
}

function send(request: FastifyRequest, reply: FastifyReply, problem: Problem): FastifyReply {
  const { status, title, detail, errors, code, headers = {} } = problem
  const body = { type: 'about:blank', title, status, detail, code, errors, correlationId: correlationOf(request) }
  return reply.code(status).headers(headers).type('application/problem+json; charset=utf-8').send(JSON.stringify(body))
}

function correlationOf(request: FastifyRequest): string | undefined {
  const { correlationId } = request as { correlationId?: string }
  return correlationId === '' ? undefined : correlationId
}
