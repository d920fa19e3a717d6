import type pg from 'pg'
import { virtualRuntime } from 'tidings/spi'
import { expect, it } from 'vitest'

import { runStatements, type StatementRun } from './run-statements.ts'

/** What the server is sent for statements of these texts. */
function sent(texts: readonly string[]): {
  readonly messages: string[]
  readonly run: StatementRun
  readonly end: () => void
} {
  const messages: string[] = []
  const wire = {
    stream: { cork: () => void messages.push('cork'), uncork: () => void messages.push('uncork') },
    parse: ({ name, text }: { name: string; text: string }) => void messages.push(`parse ${name}(${text})`),
    bind: ({ values }: { values: unknown[] }) => void messages.push(`bind ${values.join()}`),
    execute: () => void messages.push('execute'),
    sync: () => void messages.push('sync'),
  }
  const sent: (() => void)[] = []
  const client = {
    query: (query: { submit(to: typeof wire): void; handleReadyForQuery(): void }) => {
      sent.push(() => query.handleReadyForQuery())
      query.submit(wire)
    },
  }
  const statements = texts.map((text, at) => ({ text, values: [String(at)] }))
  const run = runStatements(
    { runtime: virtualRuntime(), timeout: 1_000 },
    client as unknown as pg.ClientBase,
    statements,
  )
  return {
    messages,
    run,
    end: () => {
      for (const answer of sent) answer()
    },
  }
}

it('parses a text once where it follows itself, anew where another stood between, and ends each', async () => {
  const { messages, run, end } = sent(['a', 'a', 'b', 'a'])
  const once = (at: number): string[] => [`bind ${at}`, 'execute', 'sync']
  expect(messages).toEqual([
    'cork',
    'parse (a)',
    ...once(0),
    ...once(1),
    'parse (b)',
    ...once(2),
    'parse (a)',
    ...once(3),
    'uncork',
  ])
  end()
  await run.ended
})
