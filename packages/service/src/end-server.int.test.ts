import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { FastifyReply } from 'fastify'
import { afterAll, afterEach, expect, it } from 'vitest'

import { type OpenServicesOptions, openServices, type ServiceHost } from './open-services.ts'

const folder = mkdtempSync(join(tmpdir(), 'tidings-ending-'))
const hosts: ServiceHost[] = []
const sockets: Socket[] = []
let opened = 0
let release: (() => void) | undefined
let asked: Promise<void>

/** A host whose `/slow` answers when it is told to. */
async function listening(options: Partial<OpenServicesOptions> = {}): Promise<{ host: ServiceHost; address: string }> {
  const host = await openServices([], { ...options, url: `sqlite:${join(folder, `${opened++}.db`)}` })
  hosts.push(host)
  const answered = new Promise<void>((resolve) => (release = resolve))
  asked = new Promise((resolve) => {
    host.app.get('/slow', async () => {
      resolve()
      await answered
      return { said: 'at last' }
    })
  })
  host.app.post('/take', async ({ body }) => ({ body }))
  const streams: FastifyReply[] = []
  host.app.get('/stream', (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(200).write('begun')
    streams.push(reply)
  })
  host.app.addHook('preClose', async () => {
    for (const { raw } of streams) raw.end()
  })
  return { host, address: await host.app.listen({ port: 0, host: '127.0.0.1' }) }
}

/** A connection, what has come over it, and its end. */
async function dial(address: string, text = ''): Promise<{ heard: () => string; ended: Promise<unknown> }> {
  const { hostname, port } = new URL(address)
  const socket = connect(Number(port), hostname)
  sockets.push(socket)
  let heard = ''
  socket.setEncoding('utf8').on('data', (more: string) => (heard += more))
  socket.on('error', () => {})
  const ended = once(socket, 'close')
  await once(socket, 'connect')
  socket.write(text)
  return { heard: () => heard, ended }
}

afterEach(async () => {
  release?.()
  for (const socket of sockets.splice(0)) socket.destroy()
  await Promise.all(hosts.splice(0).map((host) => host.close()))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('answers what is being asked when it ends, and keeps nobody waiting who asks nothing', async () => {
  const { host, address } = await listening()
  const agent = new Agent({ keepAlive: true })
  const rested = get(`${address}/openapi.json`, { agent })
  const [first] = await once(rested, 'response')
  await once(first.resume(), 'end')
  const silent = await dial(address)
  const half = await dial(address, 'GET /openapi.json HTT')
  const stream = await dial(address, 'GET /stream HTTP/1.1\r\nhost: test\r\n\r\n')
  await expect.poll(stream.heard).toContain('begun')
  const slow = fetch(`${address}/slow`)
  await asked
  const closing = host.close({ deadline: 50_000 })
  // Those at rest go at once, before anything is answered; so do streams that have ended.
  await Promise.all([silent.ended, half.ended, stream.ended])
  release?.()
  const answer = await slow
  expect(answer.status).toBe(200)
  expect(answer.headers.get('connection')).toBe('close')
  expect(await answer.json()).toEqual({ said: 'at last' })
  const began = performance.now()
  await closing
  expect(performance.now() - began).toBeLessThan(20_000)
  agent.destroy()
  await expect(fetch(`${address}/openapi.json`)).rejects.toThrow()
})

it('waits no longer than its deadline', async () => {
  const { host, address } = await listening()
  const slow = fetch(`${address}/slow`).then(
    () => 'answered',
    () => 'cut off',
  )
  await asked
  await host.close({ deadline: 300 })
  expect(await slow).toBe('cut off')
})

it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
  'refuses a time of %d for requests',
  async (requestTimeout) => {
    await expect(listening({ requestTimeout })).rejects.toMatchObject({
      code: 'TIDINGS_INVALID_OPTION',
      details: { field: 'requestTimeout' },
    })
  },
)

it.each([
  ['a head', 'POST /take HTTP/1.1\r\nhost: test\r\n'],
  ['a body', 'POST /take HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"a":'],
])('ends %s that never ends', async (_what, text) => {
  const { address } = await listening({ requestTimeout: 500 })
  const { heard, ended } = await dial(address, text)
  await ended
  expect(heard()).toMatch(/^HTTP\/1\.1 408 /)
})
