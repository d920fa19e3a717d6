import Fastify, { type FastifyInstance } from 'fastify'
import { createEventBus, defineEvent, type EventBus } from 'tidings'
import { afterEach, describe, expect, it } from 'vitest'

import { problems } from '../problems.ts'
import { type StatusPageOptions, statusPage } from './status-page.ts'

const BellRang = defineEvent('bell.rang', { key: (bell: unknown) => (bell as { bell: string }).bell })
const ended: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end()
})

async function page(options: Partial<StatusPageOptions> = {}): Promise<{ app: FastifyInstance; bus: EventBus }> {
  const bus = await createEventBus({ url: 'memory:', source: '/house' })
  const app = Fastify({ forceCloseConnections: true })
  await app.register(problems, {})
  await app.register(statusPage, { buses: [bus], ...options })
  ended.push(
    () => bus.close(),
    () => app.close(),
  )
  await bus.start()
  return { app, bus }
}

const connectionsOf = (app: FastifyInstance): Promise<number> =>
  new Promise((resolve, reject) =>
    app.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
  )

describe('the status page', () => {
  it('is one document that runs nothing but its own script', async () => {
    const { app } = await page({
      title: '<b>House</b>',
      empty: { text: '</script><script>alert(1)</script>', command: 'x' },
    })
    const answer = await app.inject('/')
    const nonce = /script-src 'nonce-([^']+)'/.exec(answer.headers['content-security-policy'] as string)?.[1]
    expect(nonce).toMatch(/^[\w+/]{24}$/)
    expect(answer.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    })
    expect(answer.headers['content-security-policy']).toContain("default-src 'none'")
    expect(answer.body.match(/<script/g)).toHaveLength(2)
    // Two scripts and the style.
    expect(answer.body.split(`nonce="${nonce}"`)).toHaveLength(4)
    expect(answer.body).toContain('<title>&lt;b&gt;House&lt;/b&gt;</title>')
    expect(answer.body).not.toContain('innerHTML')
    expect((await app.inject('/')).headers['content-security-policy']).not.toContain(nonce)
  })

  it('tells the state of the buses, panels, and masked events', async () => {
    const { app, bus } = await page({
      panels: [{ title: 'Mails', columns: ['When'], rows: () => [['now']], empty: 'none yet' }],
    })
    bus.subscribe(BellRang, { name: 'ear' }, () => {})
    await bus.publish(BellRang, { bell: 'front', password: 'hunter2' }, { correlationId: 'visit-1' })
    const answer = await app.inject('/status/state')
    expect(answer.body).not.toContain('hunter2')
    expect(answer.json()).toMatchObject({
      buses: [
        { source: '/house', phase: 'started', store: { reachable: true, head: 1 }, subscriptions: [{ name: 'ear' }] },
      ],
      panels: [{ title: 'Mails', rows: [['now']] }],
      events: [
        {
          type: 'bell.rang',
          key: 'front',
          correlation: 'visit-1',
          source: '/house',
          data: '{"bell":"front","password":"•••"}',
        },
      ],
    })
  })

  it('keeps the newest events only', async () => {
    const { app, bus } = await page({ keep: 3 })
    for (let at = 1; at <= 5; at++) await bus.publish(BellRang, { bell: `b-${at}` })
    const { events } = (await app.inject('/status/state')).json<{ events: { key: string }[] }>()
    expect(events.map(({ key }) => key)).toEqual(['b-3', 'b-4', 'b-5'])
  })

  it('shows all that belongs to one correlation, with what caused what', async () => {
    const { app, bus } = await page()
    const { id } = await bus.publish(BellRang, { bell: 'a' }, { correlationId: 'visit-1' })
    await bus.publish(BellRang, { bell: 'b' }, { correlationId: 'visit-1', causationId: id })
    await bus.publish(BellRang, { bell: 'c' }, { correlationId: 'visit-2' })
    const { events } = (await app.inject('/status/chain?correlation=visit-1')).json<{
      events: { key: string; causation: string }[]
    }>()
    expect(events.map(({ key, causation }) => [key, causation])).toEqual([
      ['a', ''],
      ['b', id],
    ])
    const refused = await app.inject('/status/chain')
    expect(refused.statusCode).toBe(400)
    expect(refused.json()).toMatchObject({ errors: [{ field: 'correlation' }] })
  })

  it('streams what happens while somebody watches', async () => {
    const { app, bus } = await page()
    const address = await app.listen({ port: 0, host: '127.0.0.1' })
    const answer = await fetch(`${address}/status/stream`)
    expect(answer.headers.get('content-type')).toBe('text/event-stream')
    const reader = (answer.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    const until = async (wanted: string): Promise<void> => {
      while (!text.includes(wanted)) {
        const { value, done } = await reader.read()
        if (done) throw new Error(`The stream ended before ${wanted}`)
        text += value
      }
    }
    await until('event: hello')
    await bus.publish(BellRang, { bell: 'back' })
    await until('"key":"back"')
    await until('event: state')
    await app.close()
    await expect(reader.read().then(async ({ done }) => done || (await reader.read()).done)).resolves.toBe(true)
  })

  it('keeps no place for those who leave while the state is being looked up, and none beyond the last', async () => {
    const held: (() => void)[] = []
    let away = true
    const rows = (): Promise<string[][]> | string[][] =>
      away ? new Promise((resolve) => held.push(() => resolve([]))) : []
    const { app } = await page({ panels: [{ title: 'Slow', columns: ['When'], rows, empty: 'none' }] })
    let arrived = 0
    app.addHook('onRequest', async () => void arrived++)
    const address = await app.listen({ port: 0, host: '127.0.0.1' })
    const ask = (signal?: AbortSignal): Promise<Response> =>
      fetch(`${address}/status/stream`, signal === undefined ? {} : { signal })
    const comesBack = (): void => {
      away = false
      for (const answer of held.splice(0)) answer()
    }
    const leave = new AbortController()
    const gone = Promise.allSettled(Array.from({ length: 50 }, () => ask(leave.signal)))
    await expect.poll(() => arrived).toBe(50)
    leave.abort()
    await gone
    await expect.poll(() => connectionsOf(app)).toBe(0)
    comesBack()

    // All places are free, and each is given once, however many ask for them at the same time.
    away = true
    const asking = Promise.all(Array.from({ length: 51 }, () => ask()))
    await expect.poll(() => arrived).toBe(101)
    comesBack()
    const statuses = (await asking).map(({ status }) => status)
    expect(statuses.filter((status) => status === 200)).toHaveLength(50)
    expect(statuses.filter((status) => status === 503)).toHaveLength(1)
  })

  it('has nothing to say to a HEAD of its stream', async () => {
    const { app } = await page()
    expect((await app.inject({ method: 'HEAD', url: '/status/stream' })).statusCode).toBe(404)
    expect((await app.inject({ method: 'HEAD', url: '/status/state' })).statusCode).toBe(200)
  })

  it('lets in only those it may', async () => {
    const { app } = await page()
    expect((await app.inject({ url: '/', remoteAddress: '10.0.0.7' })).statusCode).toBe(403)
    const other = await page({ access: (request) => request.headers.authorization === 'Bearer me' })
    expect((await other.app.inject({ url: '/', remoteAddress: '10.0.0.7' })).statusCode).toBe(403)
    expect(
      (await other.app.inject({ url: '/', remoteAddress: '10.0.0.7', headers: { authorization: 'Bearer me' } }))
        .statusCode,
    ).toBe(200)
  })
})
