import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { configFrom, defineEvent, defineSaga, type EventBus, operationsOf, sql, step } from 'tidings'
import { afterEach, expect, it } from 'vitest'
import { z } from 'zod'

import { type OpenServicesOptions, openServices, type ServiceHost } from './open-services.ts'
import type { Service } from './service.ts'

const NoteTaken = defineEvent('note.taken', { schema: z.object({ id: z.string() }) })

const notes: Service = {
  name: 'notes',
  events: [NoteTaken],
  migrations: [
    { id: '0001', statements: [sql`create table notes_taken (id text primary key)`] },
    {
      id: '0002',
      statements: [
        sql`alter table notes_taken add column loud integer not null default 0`,
        sql`create index notes_loud on notes_taken (loud)`,
      ],
    },
  ],
  attach: ({ bus, store }) => ({
    routes(app) {
      app.post(
        '/notes',
        {
          schema: {
            body: z.object({ id: z.string().min(2) }),
            response: { 201: z.object({ id: z.string(), correlationId: z.string() }) },
          },
        },
        async (request, reply) => {
          await bus.transaction(async ({ tx, publish }) => {
            await tx.sql`insert into notes_taken (id) values (${request.body.id})`
            await publish(NoteTaken, { id: request.body.id })
          })
          return reply.code(201).send({ id: request.body.id, correlationId: request.correlationId })
        },
      )
      app.get('/notes', async () => ({ rows: await store.query(sql`select id from notes_taken`) }))
    },
  }),
}
const reader: Service = {
  name: 'reader',
  events: [],
  migrations: [
    { id: '0001', statements: [sql`create table reader_seen (id text primary key, correlation text not null)`] },
  ],
  attach({ bus, store }) {
    bus.subscribe(NoteTaken, { name: 'reader.seen' }, (event, { write }) =>
      write(sql`insert into reader_seen values (${event.data.id}, ${event.context.correlationId ?? ''})`),
    )
    return {
      routes: (app) => void app.get('/seen', async () => ({ rows: await store.query(sql`select * from reader_seen`) })),
      notReady: () => [],
    }
  },
}

const folder = mkdtempSync(join(tmpdir(), 'tidings-services-'))
const url = `sqlite:${join(folder, 'services.db')}`
const hosts: ServiceHost[] = []

async function open(
  services: readonly Service[],
  at = url,
  more: Partial<OpenServicesOptions> = {},
): Promise<ServiceHost> {
  const host = await openServices(services, { ...more, url: at })
  hosts.push(host)
  return host
}

afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.close()))
})
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

it('runs several services on one store: tables, events, routes, one correlation', async () => {
  const { app, start } = await open([notes, reader])
  expect((await app.inject('/health/ready')).statusCode).toBe(503)
  await start()
  expect((await app.inject('/health/ready')).statusCode).toBe(200)
  const answer = await app.inject({
    method: 'POST',
    url: '/notes',
    payload: { id: 'n-1' },
    headers: { 'x-correlation-id': 'req-1' },
  })
  expect(answer.statusCode).toBe(201)
  expect(answer.json()).toEqual({ id: 'n-1', correlationId: 'req-1' })
  await expect
    .poll(async () => (await app.inject('/seen')).json())
    .toEqual({ rows: [{ id: 'n-1', correlation: 'req-1' }] })
})

it('migrates once, also when two open at the same time', async () => {
  const both = await Promise.all([open([notes]), open([notes])])
  const { store } = both[0]
  expect(await store.query(sql`select id from service_migrations where service = ${'notes'} order by id`)).toEqual([
    { id: '0001' },
    { id: '0002' },
  ])
})

it('describes its routes as OpenAPI 3.1, without those for machines', async () => {
  const { app } = await open([notes])
  await app.ready()
  const document = (await app.inject('/openapi.json')).json<{ openapi: string; paths: Record<string, unknown> }>()
  expect(document.openapi).toBe('3.1.0')
  expect(Object.keys(document.paths)).toEqual(['/notes'])
  expect(document.paths['/notes']).toMatchObject({
    post: {
      requestBody: {
        content: { 'application/json': { schema: { properties: { id: { type: 'string', minLength: 2 } } } } },
      },
    },
  })
})

it('tells each service apart in its metrics, and requests by route', async () => {
  const { app, start } = await open([notes, reader])
  await start()
  await app.inject('/notes')
  const { body } = await app.inject('/metrics')
  expect(body).toMatch(/^tidings_bus_ready\{service="notes"\} 1$/m)
  expect(body).toMatch(/^tidings_subscription_lag\{service="reader",subscription="reader\.seen"\} 0$/m)
  expect(body).toMatch(
    /^http_server_request_duration_seconds_count\{service="http",http_request_method="GET",http_route="\/notes",http_response_status_code="200"\} 1$/m,
  )
})

it('names field and rule of a bad request, and not what was sent', async () => {
  const { app } = await open([notes])
  const answer = await app.inject({ method: 'POST', url: '/notes', payload: { id: 'x' } })
  expect(answer.statusCode).toBe(400)
  expect(answer.json()).toMatchObject({
    title: 'The request is not valid',
    errors: [{ field: 'id', rule: expect.stringContaining('2 characters') }],
  })
})

it('refuses a store without SQL by what it needs, and a service that fails leaves nothing open', async () => {
  await expect(open([notes], 'memory:')).rejects.toMatchObject({
    code: 'TIDINGS_NOT_SUPPORTED',
    message: expect.stringContaining('SQL store'),
  })
  const failing: Service = {
    ...reader,
    attach: () => {
      throw new Error('no')
    },
  }
  await expect(open([notes, failing])).rejects.toThrow('no')
})

const NoteRead = defineEvent('note.read', { schema: z.object({ id: z.string() }), key: ({ id }) => id })

/** A service whose saga waits for what never comes. */
const reminding: Service = {
  name: 'reminding',
  events: [],
  migrations: [],
  attach({ bus }) {
    bus.use(
      defineSaga('reminding', {
        startsWith: NoteTaken,
        correlate: ({ data }) => data.id,
        steps: [step('read', { run: () => {}, waitFor: { event: NoteRead } })],
      }),
    )
    return {}
  },
}

it.each([
  [{ SAGA_TIMEOUT_SECONDS: '0.2' }, ['compensated']],
  [{ ENABLE_SAGAS: 'false' }, []],
])('drives sagas as its environment says: %o', async (env, statuses) => {
  const at = `sqlite:${join(folder, `sagas-${Object.keys(env)[0]}.db`)}`
  const { buses, start, app } = await open([notes, reader, reminding], at, configFrom(env))
  await start()
  await app.inject({ method: 'POST', url: '/notes', payload: { id: 'n-1' } })
  const operations = operationsOf(buses.get('reminding') as EventBus)
  await expect.poll(async () => (await app.inject('/seen')).json().rows).toHaveLength(1)
  await expect
    .poll(async () => (await operations.sagas.list()).items.map(({ status }) => status), { timeout: 20_000 })
    .toEqual(statuses)
  const registered = (await operations.subscriptions()).map(({ name }) => name)
  expect(registered.includes('saga.reminding')).toBe(statuses.length > 0)
})
