import { memoryStore } from 'tidings/spi'
import { describe, expect, it } from 'vitest'

import { runStoreSuite } from '../store/store-suite.ts'
import { brokenPromises } from '../suite/suite-result.ts'
import { brokenStores } from './store/broken-stores.ts'
import { losingAnswers } from './store/commit-faults.ts'
import { decorate, noTime } from './store/decorate.ts'
import { journalBackend } from './store/journal-store.ts'
import { sharedBackend } from './store/shared-store.ts'

const seed = 7

const good = [
  { name: 'memory', create: () => memoryStore(), advance: noTime },
  { name: 'memory that loses answers', create: () => decorate(memoryStore(), losingAnswers), advance: noTime },
  journalBackend('journal'),
  sharedBackend('shared'),
]

describe('the good stores under the broken ones', () => {
  for (const backend of good) {
    it(`${backend.name} breaks nothing`, async () => {
      const result = await runStoreSuite(backend, { seed, size: 'quick' })
      expect(result.cases.filter((one) => one.error !== undefined)).toEqual([])
    })
  }
})

describe('each broken store is rejected, by the cases of its promise and no others', () => {
  for (const { backend, breaks } of brokenStores) {
    it(`${backend.name}: ${breaks.map((promise) => `[${promise}]`).join(' ')}`, async () => {
      const result = await runStoreSuite(backend, { seed, size: 'quick' })
      const failed = result.cases.filter((one) => one.error !== undefined)
      expect(
        brokenPromises(result),
        failed.map((one) => `[${one.promise}] ${one.title}: ${String(one.error)}`).join('\n'),
      ).toEqual([...breaks].sort())
    })
  }
})
