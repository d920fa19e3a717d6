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
