import { randomUUID } from 'node:crypto'

import { HttpProblem } from '@tidings/http'
import { problemSchema, type ServiceApp, type ServiceWorld } from '@tidings/service'
import { sql } from 'tidings'
import { z } from 'zod'

import { DataExportRequested } from '../contract/data-export.ts'
import { hashToken } from '../tokens.ts'
import { exportText } from './export-text.ts'
import { whoAsks } from './who.ts'

const accepted = z.object({ exportId: z.uuid(), correlationId: z.string() })
const found = z.object({
  exports: z.array(
    z.object({
      exportId: z.uuid(),
      status: z.enum(['gathering', 'ready', 'expired']),
      beganAt: z.iso.datetime(),
      /** Until when its link works. */
      endsAt: z.iso.datetime().nullable(),
      /** Services that sent nothing in time. */
      missing: z.array(z.string()),
    }),
  ),
})

/**
 * `POST /auth/me/export` asks for all that is held of whoever asks; `GET` of it says how far that is. `GET /auth/exports/:link` hands it out: the link of the
 * mail is all it takes, until it expires, and a session of somebody else beside it is one too many.
 */
export function exportRoutes(app: ServiceApp, world: ServiceWorld): void {
  const { bus, store, now } = world
  const security = [{ session: [] }]

  app.post(
    '/auth/me/export',
    {
      schema: {
        tags: ['auth'],
        summary: 'Ask for all that is held of me',
        security,
        response: { 202: accepted, 401: problemSchema, 409: problemSchema },
      },
    },
    async (request, reply) => {
      const { userId } = await whoAsks(world, request.headers.authorization)
      const exportId = randomUUID()
      await bus.transaction(async ({ tx, publish }) => {
        // One at a time. The account is written first, for of two that ask at the same time one has to wait for the other.
        await tx.sql`update auth_users set state = state where user_id = ${userId}`
        const [open] = await tx.sql`
          select export_id from auth_exports where user_id = ${userId} and status = 'gathering'`
        if (open !== undefined)
          throw new HttpProblem({
            status: 409,
            title: 'There is an export under way',
            detail: 'Its link comes by mail.',
          })
        await tx.sql`
          insert into auth_exports (export_id, user_id, status, missing, began_at)
          values (${exportId}, ${userId}, 'gathering', '[]', ${now()})`
        await publish(DataExportRequested, { exportId, userId }, { userId })
      })
      return reply.code(202).send({ exportId, correlationId: request.correlationId })
    },
  )

  app.get(
    '/auth/me/export',
    {
      schema: {
        tags: ['auth'],
        summary: 'How far my exports are',
        security,
        response: { 200: found, 401: problemSchema },
      },
    },
    async (request) => {
      const { userId } = await whoAsks(world, request.headers.authorization)
      const rows = await store.query(sql`
        select export_id, status, missing, began_at, ends_at from auth_exports
        where user_id = ${userId} order by began_at desc limit 20`)
      return {
        exports: rows.map((row) => ({
          exportId: row.export_id as string,
          status: row.status as 'gathering' | 'ready' | 'expired',
          beganAt: new Date(Number(row.began_at)).toISOString(),
          endsAt: row.ends_at === null ? null : new Date(Number(row.ends_at)).toISOString(),
          missing: JSON.parse(row.missing as string) as string[],
        })),
      }
    },
  )

  app.get(
    '/auth/exports/:link',
    {
      schema: {
        tags: ['auth'],
        summary: 'All that is held of somebody, by the link of the mail',
        params: z.object({
          link: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be the link of the mail, 43 characters at its end'),
        }),
        response: { 200: z.any(), 400: problemSchema, 401: problemSchema, 404: problemSchema, 410: problemSchema },
      },
    },
    async ({ params: { link }, headers }, reply) => {
      const [row] = await store.query(sql`
        select export_id, user_id, status, missing, ready_at, ends_at from auth_exports where link_hash = ${hashToken(link)}`)
      const mine =
        headers.authorization === undefined || row === undefined
          ? true
          : (await whoAsks(world, headers.authorization)).userId === row.user_id
      if (row === undefined || !mine) throw new HttpProblem({ status: 404, title: 'There is no such export' })
      if (row.status !== 'ready' || Number(row.ends_at) <= now())
        throw new HttpProblem({
          status: 410,
          title: 'This link has expired',
          detail: 'What it led to is erased. Ask for another export.',
        })
      return reply
        .type('application/json; charset=utf-8')
        .header('cache-control', 'no-store')
        .header('referrer-policy', 'no-referrer')
        .header('content-disposition', 'attachment; filename="my-data.json"')
        .send(
          exportText(store, {
            exportId: row.export_id as string,
            userId: row.user_id as string,
            missing: JSON.parse(row.missing as string) as string[],
            readyAt: Number(row.ready_at),
          }),
        )
    },
  )
}
