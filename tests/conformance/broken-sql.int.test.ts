import { brokenPromises, runStoreSuite } from '@tidings/conformance'
import { brokenSqlStores } from '@tidings/conformance/broken'
import { sqlite } from '@tidings/sqlite'
import { type Host, realRuntime, silentLog, silentMeter } from 'tidings/spi'
import { describe, expect, it } from 'vitest'

const host: Host = { runtime: realRuntime(), log: silentLog, meter: silentMeter }
const good = { name: 'sqlite', create: () => sqlite(':memory:').open(host) }

// The conformance package may not know an adapter, so its broken SQL stores are made and tried here.
describe('each broken SQL store is rejected, by the cases of its promise and no others', () => {
  for (const { backend, breaks } of brokenSqlStores(good)) {
    it(`${backend.name}: ${breaks.map((promise) => `[${promise}]`).join(' ')}`, async () => {
      const result = await runStoreSuite(backend, { seed: 7, size: 'quick', volumes: { patience: 2_000 } })
      const failed = result.cases.filter((one) => one.error !== undefined)
      expect(
        brokenPromises(result),
        failed.map((one) => `[${one.promise}] ${one.title}: ${String(one.error)}`).join('\n'),
      ).toEqual([...breaks].sort())
    })
  }
})
