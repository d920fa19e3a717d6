import { virtualRuntime } from 'tidings/spi'
import { afterEach, describe, expect, it } from 'vitest'

import { append, cleanUp, file, open, record } from '../tests/sqlite-world.ts'
import { Watchers } from './watch.ts'

afterEach(cleanUp)

describe('watch', () => {
  it('sees commits of others within one poll, and is silent otherwise', async () => {
    const path = file()
    const runtime = virtualRuntime()
    const store = await open(path, { runtime, poll: 50 })
    const other = await open(path)
    let wakes = 0
    const stop = store.watch(() => void wakes++)
    await runtime.advance(1_000)
    expect(wakes).toBe(0)
    await append(other, record())
    expect(wakes).toBe(0)
    await runtime.advance(50)
    expect(wakes).toBe(1)
    await runtime.advance(1_000)
    expect(wakes).toBe(1)
    stop()
    await append(other, record())
    await runtime.advance(1_000)
    expect(wakes).toBe(1)
    expect(runtime.pending).toBe(0)
  })

  it('wakes at once, and once, for all commits of one turn of its own store', async () => {
    const runtime = virtualRuntime()
    const store = await open(file(), { runtime })
    let wakes = 0
    store.watch(() => void wakes++)
    await Promise.all([append(store, record()), append(store, record()), append(store, record())])
    expect(wakes).toBe(1)
    await store.commit([{ expect: [{ collection: 'c', id: 'none', version: 1 }] }])
    expect(wakes).toBe(1)
  })

  it('goes on where a look at the file fails', async () => {
    const runtime = virtualRuntime()
    let version = 1
    const watchers = new Watchers({
      runtime,
      poll: 10,
      dataVersion: () => {
        if (version === 2) throw new Error('database is locked')
        return version
      },
    })
    let wakes = 0
    const stop = watchers.add(() => void wakes++)
    for (version = 2; version <= 3; version++) await runtime.advance(10)
    expect(wakes).toBe(1)
    stop()
  })

  it('leaves no timer behind when the store is closed, and needs none in memory', async () => {
    const runtime = virtualRuntime()
    const store = await open(file(), { runtime })
    store.watch(() => {})
    expect(runtime.pending).toBe(1)
    await store.close()
    expect(runtime.pending).toBe(0)
    const memory = await open(':memory:', { runtime })
    memory.watch(() => {})
    expect(runtime.pending).toBe(0)
  })
})
