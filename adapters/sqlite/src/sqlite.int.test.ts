import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { testStore } from '@tidings/conformance'
import { type Host, realRuntime, silentLog, silentMeter } from 'tidings/spi'
import { afterAll, describe, it } from 'vitest'

import { sqlite } from './index.ts'

const runner = { describe, it, afterAll }
const host: Host = { runtime: realRuntime(), log: silentLog, meter: silentMeter }
const folder = mkdtempSync(join(tmpdir(), 'tidings-sqlite-'))
afterAll(() => rmSync(folder, { recursive: true }))

const inFile = (place: string): ReturnType<ReturnType<typeof sqlite>['open']> =>
  sqlite(join(folder, `${place}.db`)).open(host)

testStore({ name: 'sqlite', runner, create: inFile, reopen: inFile })

testStore({ name: 'sqlite in memory', runner, create: () => sqlite(':memory:').open(host) })
