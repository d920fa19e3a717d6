import { virtualRuntime } from 'tidings/spi'
import { describe, expect, it } from 'vitest'

import { brokenPromises } from '../suite/suite-result.ts'
import { logBackend } from '../transport/log-backend.ts'
import { runTransportSuite } from '../transport/transport-suite.ts'
import { sharedBackend } from './store/shared-store.ts'
import { bendBackend, honestLog, rememberingLog } from './transport/bend.ts'
import { brokenTransports } from './transport/broken-transports.ts'
import { fanoutBackend } from './transport/memory-fanout.ts'
import { queueBackend } from './transport/memory-queue.ts'

const seed = 7
const durable = sharedBackend('durable')

const good = [
  bendBackend(honestLog('a log that nobody bends'), {}),
  logBackend({ name: 'a durable log', runtime: virtualRuntime(), store: durable.create, remove: durable.remove }),
  bendBackend(rememberingLog('a log that remembers'), {}),
  fanoutBackend('a fan-out'),
  queueBackend('a queue'),
  queueBackend('a queue in order', { ordered: true }),
]

describe('the good transports under the broken ones', () => {
  for (const backend of good) {
    it(`${backend.name} breaks nothing`, async () => {
      const result = await runTransportSuite(backend, { seed, size: 'quick' })
      expect(result.cases.filter((one) => one.error !== undefined)).toEqual([])
    })
  }
})

describe('each broken transport is rejected, by the cases of its promise and no others', () => {
  for (const { backend, breaks } of brokenTransports) {
    it(`${backend.name}: ${breaks.map((promise) => `[${promise}]`).join(' ')}`, async () => {
      const result = await runTransportSuite(backend, { seed, size: 'quick' })
      const failed = result.cases.filter((one) => one.error !== undefined)
      expect(
        brokenPromises(result),
        failed.map((one) => `[${one.promise}] ${one.title}: ${String(one.error)}`).join('\n'),
      ).toEqual([...breaks].sort())
    })
  }
})
