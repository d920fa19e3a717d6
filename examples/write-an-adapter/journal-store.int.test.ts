// #region suite
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { testStore } from '@tidings/conformance'
import { type Host, realRuntime, type Store, silentLog, silentMeter } from 'tidings/spi'
import { afterAll, describe, it } from 'vitest'

import { journal } from './journal-store.ts'

const host: Host = { runtime: realRuntime(), log: silentLog, meter: silentMeter }
const folder = mkdtempSync(join(tmpdir(), 'journal-'))
afterAll(() => rmSync(folder, { recursive: true }))

const open = (place: string): Promise<Store> => journal(join(folder, `${place}.jsonl`)).open(host)

testStore({ name: 'journal', runner: { describe, it, afterAll }, create: open, reopen: open })
// #endregion suite
