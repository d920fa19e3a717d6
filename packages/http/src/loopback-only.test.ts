import Fastify from 'fastify'
import { expect, it } from 'vitest'

import { isLoopback, loopbackOnly } from './loopback-only.ts'
import { problems } from './problems.ts'

it.each([
  '127.0.0.1',
  '127.9.9.9',
  '127.0.0.1:4000',
  'localhost',
  'LOCALHOST:80',
  '::1',
  '[::1]',
  '[::1]:4000',
  '::ffff:127.0.0.1',
])('%s is this machine', (address) => {
  expect(isLoopback(address)).toBe(true)
})

it.each([
  '',
  '10.0.0.1',
  '0.0.0.0',
  'localhost.evil.example',
  '127.evil.example',
  '127.0.0.1.evil.example',
  '::2',
  '::ffff:10.0.0.1',
  '2130706433',
])('%j is not', (address) => {
  expect(isLoopback(address)).toBe(false)
})

it.each([
  ['127.0.0.1', 'localhost:4000', 200],
  ['127.0.0.1', 'rebound.evil.example', 403],
  ['192.168.0.7', 'localhost:4000', 403],
])('from %s for %s answers %i', async (remoteAddress, host, status) => {
  const app = Fastify()
  await app.register(problems, {})
  app.get('/', { onRequest: loopbackOnly }, () => 'here')
  const answer = await app.inject({ url: '/', remoteAddress, headers: { host } })
  expect(answer.statusCode).toBe(status)
})

it.each([
  ['forwarded', 'for=192.168.0.7'],
  ['via', '1.1 gate'],
  ['x-forwarded-for', '192.168.0.7'],
  ['X-Forwarded-For', '127.0.0.1'],
  ['x-forwarded-for', ''],
  ['x-forwarded-host', 'shop.example'],
  ['x-forwarded-proto', 'https'],
  ['x-real-ip', '192.168.0.7'],
])('refuses what a proxy on this machine hands on and says so by `%s: %s`', async (name, value) => {
  const app = Fastify()
  await app.register(problems, {})
  app.get('/', { onRequest: loopbackOnly }, () => 'here')
  const ask = (headers: Record<string, string>) =>
    app.inject({ url: '/', remoteAddress: '127.0.0.1', headers: { host: '127.0.0.1:4000', ...headers } })
  expect((await ask({})).statusCode).toBe(200)
  const handedOn = await ask({ [name]: value })
  expect(handedOn.statusCode).toBe(403)
  expect(handedOn.json()).toMatchObject({ title: 'This is shown on its own machine only' })
})
