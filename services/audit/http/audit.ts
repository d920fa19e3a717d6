import { loopbackOnly } from '@tidings/http'
import { problemSchema, type ServiceApp, type ServiceWorld } from '@tidings/service'
import { sql } from 'tidings'
import { z } from 'zod'

type Condition = ReturnType<typeof sql>

const text = z.string().min(1, 'must not be empty').max(1_000, 'must have at most 1,000 characters').optional()
const limit = z.coerce
  .number('must be a number')
  .int('must be a whole number')
  .min(1, 'must be at least 1')
  .max(500, 'must be at most 500')
  .default(100)
const since = z.iso.datetime({ offset: true, error: 'must be a time such as 2030-01-31T12:00:00Z' }).optional()

const entry = z.object({
  eventId: z.string(),
  source: z.string(),
  type: z.string(),
  version: z.string(),
  subject: z.string(),
  actor: z.string(),
  correlationId: z.string(),
  causationId: z.string().nullable(),
  happenedAt: z.iso.datetime(),
})
const login = z.object({
  eventId: z.string(),
  type: z.string(),
  severity: z.enum(['info', 'warning', 'critical']),
  userId: z.string().nullable(),
  reason: z.string().nullable(),
  correlationId: z.string(),
  happenedAt: z.iso.datetime(),
})

/** `GET /audit` and `GET /audit/logins`, newest last. For those who operate, so on this machine only. */
export function auditRoutes(app: ServiceApp, { store }: ServiceWorld): void {
  app.get(
    '/audit',
    {
      onRequest: loopbackOnly,
      schema: {
        tags: ['audit'],
        summary: 'What happened, by correlation, type or subject',
        querystring: z.strictObject({ correlationId: text, type: text, subject: text, since, limit }),
        response: { 200: z.object({ entries: z.array(entry) }), 400: problemSchema, 403: problemSchema },
      },
    },
    async ({ query }) => {
      const where = all([
        query.correlationId === undefined ? undefined : sql`correlation_id = ${query.correlationId}`,
        query.type === undefined ? undefined : sql`type = ${query.type}`,
        query.subject === undefined ? undefined : sql`subject = ${query.subject}`,
        query.since === undefined ? undefined : sql`happened_at >= ${Date.parse(query.since)}`,
      ])
      const rows = await store.query(sql`
        select event_id, source, type, version, subject, actor, correlation_id, causation_id, happened_at
        from audit_events where ${where} order by happened_at desc, event_id desc limit ${query.limit}`)
      return {
        entries: rows.toReversed().map((row) => ({
          eventId: row.event_id as string,
          source: row.source as string,
          type: row.type as string,
          version: row.version as string,
          subject: row.subject as string,
          actor: row.actor as string,
          correlationId: row.correlation_id as string,
          causationId: row.causation_id as string | null,
          happenedAt: new Date(Number(row.happened_at)).toISOString(),
        })),
      }
    },
  )

  app.get(
    '/audit/logins',
    {
      onRequest: loopbackOnly,
      schema: {
        tags: ['audit'],
        summary: 'Logins, refusals and locks, by user and severity',
        querystring: z.strictObject({ userId: text, severity: login.shape.severity.optional(), since, limit }),
        response: { 200: z.object({ logins: z.array(login) }), 400: problemSchema, 403: problemSchema },
      },
    },
    async ({ query }) => {
      const where = all([
        query.userId === undefined ? undefined : sql`user_id = ${query.userId}`,
        query.severity === undefined ? undefined : sql`severity = ${query.severity}`,
        query.since === undefined ? undefined : sql`happened_at >= ${Date.parse(query.since)}`,
      ])
      const rows = await store.query(sql`
        select event_id, type, severity, user_id, reason, correlation_id, happened_at
        from audit_logins where ${where} order by happened_at desc, event_id desc limit ${query.limit}`)
      return {
        logins: rows.toReversed().map((row) => ({
          eventId: row.event_id as string,
          type: row.type as string,
          severity: row.severity as z.infer<typeof login.shape.severity>,
          userId: row.user_id as string | null,
          reason: row.reason as string | null,
          correlationId: row.correlation_id as string,
          happenedAt: new Date(Number(row.happened_at)).toISOString(),
        })),
      }
    },
  )
}

function all(conditions: readonly (Condition | undefined)[]): Condition {
  return conditions.reduce<Condition>(
    (joined, one) => (one === undefined ? joined : sql`${joined} and ${one}`),
    sql`1 = 1`,
  )
}
