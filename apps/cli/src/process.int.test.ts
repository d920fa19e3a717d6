import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { ended, killAll, startTidings, tidings } from '../tests/processes.ts'

const folder = mkdtempSync(join(tmpdir(), 'tidings-process-'))
const url = `sqlite:${join(folder, 'events.db')}`
const events = 30_000

beforeAll(async () => {
  const lines = Array.from({ length: events }, (_, at) =>
    JSON.stringify({
      specversion: '1.0',
      id: `e-${at}`,
      source: '/shop',
      type: 'order.placed',
      subject: `o-${at % 100}`,
      time: '2026-03-01T10:00:00Z',
      data: { at },
    }),
  )
  writeFileSync(join(folder, 'events.jsonl'), lines.join('\n'))
  expect(await tidings(url, 'publish', join(folder, 'events.jsonl'), '--create')).toMatchObject({
    code: 0,
    out: `${events} stored\n`,
  })
})
afterEach(killAll)
afterAll(() => rmSync(folder, { recursive: true }))

describe('the command line as a process', () => {
  it('makes no store by publishing into a mistyped name', async () => {
    const mistyped = `sqlite:${join(folder, 'mistyped.db')}`
    expect(await tidings(mistyped, 'publish', join(folder, 'events.jsonl'))).toMatchObject({
      code: 1,
      err: expect.stringContaining('TIDINGS_NOT_FOUND') as string,
    })
  })

  it('stores nothing twice when a file is published again', async () => {
    expect(await tidings(url, 'publish', join(folder, 'events.jsonl'))).toMatchObject({
      code: 0,
      out: `0 stored, ${events} stored already\n`,
    })
  })

  it('is quiet when its reader has seen enough', async () => {
    const child = startTidings(url, 'events', '--all', '--json')
    const closed = once(child, 'close')
    let err = ''
    child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString()))
    const [first] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer]
    expect(JSON.parse(first.toString().split('\n')[0] as string)).toMatchObject({ id: 'e-0' })
    ;(child.stdout as NodeJS.ReadableStream & { destroy(): void }).destroy()
    expect(await closed).toEqual([0, null])
    expect(err).toBe('')
  })

  it('ends a tail cleanly at an interrupt', async () => {
    const child = startTidings(url, 'tail', '--since', '36500d', '--json')
    const all = ended(child)
    await once(child.stdout as NodeJS.ReadableStream, 'data')
    child.kill('SIGINT')
    const { code, err, json } = await all
    expect({ code, err }).toEqual({ code: 0, err: '' })
    // Whole lines, from the first event on, each once.
    expect(json.map(({ id }) => id)).toEqual(Array.from({ length: json.length }, (_, at) => `e-${at}`))
  })

  it('says by its exit code that an interrupt cut it short', async () => {
    const child = startTidings(url, 'events', '--all', '--json')
    const closed = once(child, 'close')
    let err = ''
    child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString()))
    await once(child.stdout as NodeJS.ReadableStream, 'data')
    // Nobody reads on, so it cannot end by itself before it is interrupted.
    child.stdout?.pause()
    child.kill('SIGINT')
    child.stdout?.resume()
    expect(await closed).toEqual([130, null])
    expect(JSON.parse(err)).toEqual({ error: { code: 'TIDINGS_WITHDRAWN', message: 'Interrupted by SIGINT.' } })
  })

  it('has nothing to say of a store in memory', async () => {
    expect(await tidings('memory:', 'events')).toMatchObject({
      code: 2,
      err: expect.stringContaining('lives in its own process') as string,
    })
  })

  it('says what it needs where Node is too old', async () => {
    const old =
      'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.20.2"}})'
    const bin = fileURLToPath(new URL('../bin/tidings.js', import.meta.url))
    const { code, err } = await ended(spawn(process.execPath, ['--import', old, bin, '--version']))
    expect(code).toBe(2)
    expect(err).toContain('tidings needs Node 24.16 or newer')
  })
})
