import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { expect, test } from 'vitest'

import { PermanentError, TidingsError, UnavailableError } from '../kernel/errors.ts'
import { isUnavailable } from './unavailable.ts'

const coded = (code: string, more: object = {}): Error => Object.assign(new Error('x'), { code, ...more })

test.each([
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  'EPIPE',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_SOCKET',
  '08000',
  '08006',
  '57P01',
  '57P02',
  '57P03',
  '53300',
  'SQLITE_BUSY',
])('%s says that a dependency cannot be reached', (code) => {
  expect(isUnavailable(coded(code))).toBe(true)
})

test.each([
  'EACCES',
  'ENOENT',
  '23505',
  '40001',
  '57014',
  '0800',
  'UND_ERR_INVALID_ARG',
  'ERR_SQLITE_ERROR',
  'UND_ERR_ABORTED',
])('%s does not', (code) => {
  expect(isUnavailable(coded(code))).toBe(false)
})

test('our own errors are told by their codes', () => {
  expect(isUnavailable(new UnavailableError('down'))).toBe(true)
  expect(isUnavailable(new TidingsError('TIDINGS_STORE_UNAVAILABLE', 'down'))).toBe(true)
  expect(isUnavailable(new TidingsError('TIDINGS_COMMIT_UNKNOWN', 'no answer'))).toBe(true)
  expect(isUnavailable(new TidingsError('TIDINGS_CONFLICT', 'no'))).toBe(false)
})

test('it looks through causes and aggregates', () => {
  expect(isUnavailable(new Error('query failed', { cause: new Error('pool', { cause: coded('ECONNREFUSED') }) }))).toBe(
    true,
  )
  expect(isUnavailable(new AggregateError([new Error('a'), new AggregateError([coded('ENETUNREACH')])]))).toBe(true)
  expect(isUnavailable(new AggregateError([new Error('a')], 'none'))).toBe(false)
})

test('who calls it permanent has judged what lies underneath', () => {
  expect(isUnavailable(new PermanentError('never mind', { cause: coded('ECONNREFUSED') }))).toBe(false)
})

test('circles, endless chains and hostile objects end', () => {
  const first = new Error('a') as Error & { cause: unknown }
  first.cause = new Error('b', { cause: first })
  expect(isUnavailable(first)).toBe(false)
  let chain: unknown = coded('ECONNREFUSED')
  for (let at = 0; at < 100_000; at++) chain = { cause: chain }
  expect(isUnavailable(chain)).toBe(false)
  expect(isUnavailable({ errors: new Array(1_000_000).fill(null) })).toBe(false)
  const hostile = {
    get cause(): never {
      throw new Error('no')
    },
  }
  expect(isUnavailable(hostile)).toBe(false)
  for (const thrown of [undefined, null, 'ECONNREFUSED', 42, Symbol('x')]) expect(isUnavailable(thrown)).toBe(false)
})

test('a refused connection and a failed fetch of this very Node are recognised', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  const socket = connect(port, '127.0.0.1')
  const [error] = (await once(socket, 'error').catch((thrown: unknown) => [thrown])) as [unknown]
  expect(isUnavailable(error)).toBe(true)
  const failed = await fetch(`http://127.0.0.1:${port}/`).catch((thrown: unknown) => thrown)
  expect(isUnavailable(failed)).toBe(true)
})

test('a busy database of this very Node is recognised, a broken rule in it is not', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-busy-'))
  const [first, second] = [
    new DatabaseSync(join(folder, 'a.db'), { timeout: 0 }),
    new DatabaseSync(join(folder, 'a.db'), { timeout: 0 }),
  ]
  try {
    first.exec('create table t (a unique); insert into t values (1)')
    expect(isUnavailable(thrownBy(() => second.exec('insert into t values (1)')))).toBe(false)
    first.exec('begin immediate')
    expect(isUnavailable(thrownBy(() => second.exec('insert into t values (2)')))).toBe(true)
  } finally {
    first.close()
    second.close()
    rmSync(folder, { recursive: true })
  }
})

function thrownBy(run: () => void): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  throw new Error('expected it to throw')
}
