import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'

import { memoryStore } from 'tidings'
import { afterAll, describe, expect, it } from 'vitest'

import { runInProcess } from '../../tests/run-in-process.ts'

const folder = mkdtempSync(join(tmpdir(), 'tidings-cli-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, ...lines: string[]): string {
  const path = join(folder, name)
  writeFileSync(path, lines.join('\n'))
  return path
}

function event(id: string, more: Record<string, unknown> = {}): string {
  return JSON.stringify({
    specversion: '1.0',
    id,
    source: '/shop',
    type: 'order.placed',
    subject: 'o-1',
    time: '2026-03-01T10:00:00Z',
    data: { total: 1 },
    ...more,
  })
}

describe('tidings publish', () => {
  it('stores the events of a file, and nothing twice when it is run again', async () => {
    const store = memoryStore()
    const path = file('good.jsonl', event('1'), event('2', { type: 'nobody.defined.this' }), '')
    expect(await runInProcess(['publish', path], { store })).toMatchObject({ code: 0, out: '2 stored\n' })
    expect(await runInProcess(['publish', path], { store })).toMatchObject({
      code: 0,
      out: '0 stored, 2 stored already\n',
    })
    const events = await runInProcess(['events', '--json'], { store })
    expect(events.json.map(({ id, type }) => `${id} ${type}`)).toEqual(['1 order.placed', '2 nobody.defined.this'])
  })

  it('reads standard input, with CRLF, a byte order mark, blank lines and no line end at the end', async () => {
    const input = `\ufeff${event('1')}\r\n\r\n   \n${event('2')}\r\n${event('3')}`
    expect(await runInProcess(['publish', '-'], { input })).toMatchObject({ code: 0, out: '3 stored\n' })
  })

  it('names a bad line by its number with the field and the rule, keeps the good ones, and ends with 1', async () => {
    const path = file('mixed.jsonl', event('1'), '', event('2', { time: 'yesterday' }), '{"secret":', event('3'))
    const ran = await runInProcess(['publish', path])
    expect(ran.code).toBe(1)
    expect(ran.out).toBe('2 stored, 2 refused\n')
    expect(ran.err).toContain(
      'refused line 3: TIDINGS_INVALID_EVENT: The CloudEvents attribute `time` must be an RFC 3339 time.',
    )
    expect(ran.err).toContain('refused line 4: TIDINGS_UNDECODABLE: `event` must be JSON.')
    expect(ran.err).not.toContain('secret')
    const json = await runInProcess(['publish', path, '--json'])
    expect(json.json).toMatchObject([
      { refused: { line: 3, code: 'TIDINGS_INVALID_EVENT', field: 'time' } },
      { refused: { line: 4 } },
      { lines: 4, stored: 2, duplicates: 0, refused: 2 },
    ])
  })

  it('reads past a line of any length without holding it', async () => {
    const chunk = Buffer.alloc(1_048_576, 0x78)
    const held = (): number => process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed
    const before = held()
    let most = before
    const endless = Readable.from(
      (async function* () {
        yield Buffer.from(`${event('1')}\n`)
        for (let at = 0; at < 800; at++) {
          yield Buffer.from(chunk)
          most = Math.max(most, held())
        }
        yield Buffer.from(`\n${event('2')}\n`)
      })(),
    )
    const ran = await runInProcess(['publish', '-'], { input: endless })
    expect(ran).toMatchObject({ code: 1, out: '2 stored, 1 refused\n' })
    expect(ran.err).toContain('line 2: TIDINGS_TOO_LARGE')
    expect(most - before).toBeLessThan(400 * 1_048_576)
  })

  it('refuses files that cannot be read as a mistake of the command line', async () => {
    expect(await runInProcess(['publish', join(folder, 'missing.jsonl')])).toMatchObject({
      code: 2,
      err: expect.stringContaining('there is no such file') as string,
    })
    expect(await runInProcess(['publish', folder])).toMatchObject({
      code: 2,
      err: expect.stringContaining('is a folder') as string,
    })
    expect(await runInProcess(['publish'])).toMatchObject({
      code: 2,
      err: "error TIDINGS_INVALID_OPTION: missing required argument 'file'\n",
    })
  })

  it('stores nothing of an empty file', async () => {
    expect(await runInProcess(['publish', file('empty.jsonl')])).toMatchObject({ code: 0, out: '0 stored\n' })
  })

  it('stops at an interrupt with what is stored by then, and says how to go on', async () => {
    const store = memoryStore()
    const stop = new AbortController()
    const input = Readable.from(
      (async function* () {
        for (let at = 0; at < 10_000; at++) {
          if (at === 1_500) stop.abort()
          yield Buffer.from(`${event(String(at))}\n`)
        }
      })(),
    )
    const ran = await runInProcess(['publish', '-', '--json'], { store, input, signal: stop.signal })
    expect(ran.code).toBe(1)
    expect(ran.json.at(-1)).toMatchObject({ interrupted: true })
    const stored = (await store.readAll({ after: 0, limit: 20_000 })).events.length
    expect(ran.json.at(-1)).toMatchObject({ stored })
    expect(stored).toBeGreaterThan(1_000)
    expect(stored).toBeLessThan(2_000)
  })

  it('says by its exit code that it has stopped in the middle, where its reader has gone', async () => {
    const store = memoryStore()
    const lines = Array.from({ length: 3_000 }, (_, at) => (at % 2 === 0 ? event(String(at)) : '{'))
    const ran = await runInProcess(['publish', file('refused.jsonl', ...lines), '--json'], {
      store,
      readerGoesAfter: 1,
    })
    expect(ran.code).toBe(1)
    expect(ran.json).toHaveLength(1)
    expect(JSON.parse(ran.err)).toMatchObject({
      error: { code: 'TIDINGS_WITHDRAWN', message: expect.stringContaining('Publish the file again') as string },
    })
    expect((await store.readAll({ after: 0, limit: 10_000 })).events.length).toBeLessThan(1_500)
  })

  it('has published all the same where nobody wants to hear of it', async () => {
    const store = memoryStore()
    const ran = await runInProcess(['publish', file('unheard.jsonl', event('1'))], { store, readerGoesAfter: 0 })
    expect(ran).toMatchObject({ code: 0, out: '', err: '' })
    expect((await store.readAll({ after: 0, limit: 10 })).events).toHaveLength(1)
  })

  it('draws its progress on terminals alone', async () => {
    const path = file('bar.jsonl', ...Array.from({ length: 50 }, (_, at) => event(String(at))))
    expect((await runInProcess(['publish', path], { terminal: 100 })).err).toContain('\r\x1b[K')
    expect((await runInProcess(['publish', path])).err).toBe('')
  })
})
