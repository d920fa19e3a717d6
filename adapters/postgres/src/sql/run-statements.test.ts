import { PassThrough } from 'node:stream'
import type pg from 'pg'
import { virtualRuntime } from 'tidings/spi'
import { expect, it } from 'vitest'

import { runStatements, type StatementRun } from './run-statements.ts'
import { statementMessages } from './statement-messages.ts'

interface Query {
  submit(to: { readonly stream: PassThrough }): void
  handleReadyForQuery(): void
  handleEmptyQuery(): void
  handleError(error: unknown): void
}

const statements = ['1', '2', '3'].map((value) => ({ text: 'a', values: [value] }))

/** Statements on their way: the queries that a client was given, and what it has sent. */
function onTheirWay(): {
  readonly run: StatementRun
  readonly queries: readonly Query[]
  readonly stream: PassThrough
} {
  const stream = new PassThrough()
  const queries: Query[] = []
  const client = {
    query: (query: Query) => {
      queries.push(query)
      query.submit({ stream })
    },
  }
  const run = runStatements(
    { runtime: virtualRuntime(), timeout: 1_000 },
    client as unknown as pg.ClientBase,
    statements,
  )
  return { run, queries, stream }
}

it('sends everything once, and has ended when each has been answered', async () => {
  const { run, queries, stream } = onTheirWay()
  expect(stream.read()).toEqual(statementMessages(statements).bytes)
  for (const query of queries) query.handleReadyForQuery()
  await run.ended
  expect(run.done).toBe(3)
})

it('tells the first failure and its place, whatever is said of those after it', async () => {
  const { run, queries } = onTheirWay()
  const [first, second, third] = queries as [Query, Query, Query]
  const failure = new Error('second')
  first.handleReadyForQuery()
  second.handleError(failure)
  third.handleEmptyQuery()
  third.handleReadyForQuery()
  third.handleError(new Error('aborted'))
  await expect(run.ended).rejects.toBe(failure)
  expect(run.done).toBe(1)
})
