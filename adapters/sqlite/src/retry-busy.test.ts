import { DatabaseSync } from 'node:sqlite'

import { virtualRuntime } from 'tidings/spi'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'

import { cleanUp, file } from '../tests/sqlite-world.ts'
import { retryBusy } from './retry-busy.ts'

afterEach(cleanUp)

function lockedFile(): { attempt: () => string; unlock: () => void } {
  const path = file()
  const [holder, other] = [new DatabaseSync(path), new DatabaseSync(path, { timeout: 0 })]
  onTestFinished(() => {
    holder.close()
    other.close()
  })
  holder.exec('begin immediate')
  return {
    attempt: () => {
      other.exec('begin immediate; rollback')
      return 'entered'
    },
    unlock: () => holder.exec('rollback'),
  }
}

describe('retryBusy', () => {
  it('answers without a timer where nobody is in the way', async () => {
    const runtime = virtualRuntime()
    await expect(retryBusy({ runtime, busyTimeout: 10 }, () => 7)).resolves.toBe(7)
    expect(runtime.pending).toBe(0)
  })

  it('waits outside of SQLite until the lock is free', async () => {
    const runtime = virtualRuntime()
    const { attempt, unlock } = lockedFile()
    let attempts = 0
    const entered = retryBusy({ runtime, busyTimeout: 10_000 }, () => {
      attempts++
      return attempt()
    })
    await runtime.advance(500)
    expect(attempts).toBeGreaterThan(15)
    expect(attempts).toBeLessThan(60)
    unlock()
    await runtime.advance(50)
    await expect(entered).resolves.toBe('entered')
  })

  it('gives up after busyTimeout, naming it', async () => {
    const runtime = virtualRuntime()
    const failed = expect(retryBusy({ runtime, busyTimeout: 200 }, lockedFile().attempt)).rejects.toMatchObject({
      code: 'TIDINGS_STORE_UNAVAILABLE',
      message: expect.stringContaining('busyTimeout'),
      details: { field: 'busyTimeout', limit: 200 },
    })
    await runtime.advance(300)
    await failed
    expect(runtime.pending).toBe(0)
  })

  it('stops waiting when the signal says so', async () => {
    const runtime = virtualRuntime()
    const control = new AbortController()
    const waiting = retryBusy({ runtime, busyTimeout: 10_000 }, lockedFile().attempt, control.signal)
    const reason = new Error('enough')
    control.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    expect(runtime.pending).toBe(0)
  })

  it('throws everything else at once', async () => {
    const db = new DatabaseSync(':memory:')
    onTestFinished(() => db.close())
    const wrong = retryBusy({ runtime: virtualRuntime(), busyTimeout: 10 }, () => db.exec('selec 1'))
    await expect(wrong).rejects.toThrow(/syntax/)
  })
})
