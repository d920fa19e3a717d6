import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { logBackend, testTransport } from '@tidings/conformance'
import { sqlite } from '@tidings/sqlite'
import { type Host, realRuntime, type Store, silentLog, silentMeter } from 'tidings/spi'
import { afterAll, describe, it } from 'vitest'

const runner = { describe, it, afterAll }
const runtime = realRuntime()
const host: Host = { runtime, log: silentLog, meter: silentMeter }
const folder = mkdtempSync(join(tmpdir(), 'tidings-log-over-sqlite-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A connection of its own for each transport, as processes have. */
const store = (place: string): Promise<Store> => sqlite(join(folder, `${place}.db`)).open(host)

// #region suite
testTransport({ ...logBackend({ name: 'log over sqlite', runtime, store, log: { lease: 600, poll: 20 } }), runner })
// #endregion suite
