import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, it } from 'vitest'

import { pinoLog } from './pino-log.ts'

it('writes one JSON object a line, above its level, without secrets', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-log-'))
  try {
    const file = join(folder, 'lines')
    const { log, with: withFields, flush } = pinoLog({ level: 'info', to: file })
    log('debug', 'too fine')
    log('info', 'started', { port: 1 })
    withFields({ service: 'auth' })('error', 'failed', {
      email: 'a@b.c',
      request: { password: 'hunter2', route: '/x' },
      error: { message: 'no' },
    })
    flush()
    const text = readFileSync(file, 'utf8')
    expect(text).not.toMatch(/hunter2|a@b\.c/)
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines).toEqual([
      expect.objectContaining({ msg: 'started', port: 1, time: expect.stringMatching(/^\d{4}-.*Z$/) }),
      expect.objectContaining({
        msg: 'failed',
        service: 'auth',
        email: '•••',
        request: { password: '•••', route: '/x' },
        error: { message: 'no' },
      }),
    ])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
