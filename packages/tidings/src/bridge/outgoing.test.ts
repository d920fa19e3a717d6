import { afterEach, expect, test } from 'vitest'

import type { EventRecord } from '../events/record.ts'
import { virtualRuntime } from '../kernel/virtual-runtime.ts'
import type { Outcome, Transport } from '../transport/transport.ts'
import { Outgoing, type OutgoingOptions } from './outgoing.ts'

const runtime = virtualRuntime({ seed: 1 })

interface Call {
  readonly ids: readonly string[]
  readonly signal: AbortSignal | undefined
  readonly answer: (outcomes: readonly Outcome[]) => void
  readonly fail: (error: Error) => void
}

let outgoing: Outgoing | undefined
afterEach(() => outgoing?.close())

function opened(options: Partial<OutgoingOptions> = {}): { readonly out: Outgoing; readonly calls: Call[] } {
  const calls: Call[] = []
  const transport = {
    publish: (batch: readonly EventRecord[], signal?: AbortSignal) =>
      new Promise<readonly Outcome[]>((answer, fail) => {
        calls.push({ ids: batch.map(({ id }) => id), signal, answer, fail })
      }),
  } as unknown as Transport
  const out = new Outgoing({
    transport,
    runtime,
    batch: 3,
    batchBytes: 1_000,
    flights: 2,
    patience: 1_000,
    leaving: () => {},
    handed: () => {},
    ...options,
  })
  outgoing = out
  return { out, calls }
}

const record = (id: string, data = '{}'): EventRecord => ({ id, data }) as EventRecord
const stored: Outcome = { status: 'stored' }
const turn = (): Promise<void> => runtime.advance(0)

/** How a sending ended so far. */
function ends(sending: Promise<void>): { how: string } {
  const end = { how: 'waits' }
  sending.then(
    () => (end.how = 'stored'),
    (error: { code?: string; name: string }) => (end.how = error.code ?? error.name),
  )
  return end
}

test('what is ready in one turn leaves together, and what comes meanwhile in the next call', async () => {
  const { out, calls } = opened()
  const sent = ['a', 'b'].map((id) => ends(out.send(record(id))))
  await turn()
  expect(calls.map(({ ids }) => ids)).toEqual([['a', 'b']])
  const more = ['c', 'd', 'e', 'f'].map((id) => ends(out.send(record(id))))
  await turn()
  // Two calls at once, three events each; the rest waits.
  expect(calls.map(({ ids }) => ids)).toEqual([
    ['a', 'b'],
    ['c', 'd', 'e'],
  ])
  expect([out.flying, out.waiting]).toEqual([2, 1])
  calls[0]?.answer([stored, stored])
  await turn()
  expect(calls[2]?.ids).toEqual(['f'])
  calls[1]?.answer([stored, stored, stored])
  calls[2]?.answer([stored])
  await turn()
  expect([...sent, ...more].map(({ how }) => how)).toEqual(Array.from({ length: 6 }, () => 'stored'))
})

test('large events travel apart, each at least alone', async () => {
  const { out, calls } = opened({ flights: 4 })
  for (const id of ['a', 'b', 'c']) void out.send(record(id, 'x'.repeat(id === 'b' ? 5_000 : 600))).catch(() => {})
  await turn()
  expect(calls.map(({ ids }) => ids)).toEqual([['a'], ['b'], ['c']])
})

test('each event is told its own outcome; where some are unknown, what waits is not sent after them', async () => {
  const { out, calls } = opened({ flights: 1 })
  const all = ['a', 'b', 'c', 'd'].map((id) => ends(out.send(record(id))))
  await turn()
  calls[0]?.answer([
    stored,
    { status: 'refused', error: new Error('too large') },
    { status: 'unknown', error: new Error('reset') },
  ])
  await turn()
  expect(all.map(({ how }) => how)).toEqual(['stored', 'TIDINGS_RELAY_REFUSED', 'UnavailableError', 'UnavailableError'])
  expect(calls).toHaveLength(1)
  const next = ends(out.send(record('e')))
  await turn()
  calls[1]?.answer([stored])
  await turn()
  expect(next.how).toBe('stored')
})

test('a call that throws, answers too little or never, says nothing of its events', async () => {
  const { out, calls } = opened({ flights: 3 })
  const [thrown] = [ends(out.send(record('a')))]
  await turn()
  calls[0]?.fail(new Error('bug'))
  const short = [ends(out.send(record('b'))), ends(out.send(record('c')))]
  await turn()
  calls[1]?.answer([stored])
  const silent = ends(out.send(record('d')))
  await turn()
  expect([thrown?.how, ...short.map(({ how }) => how)]).toEqual(['UnavailableError', 'stored', 'UnavailableError'])
  await runtime.advance(1_500)
  expect(calls[2]?.signal?.aborted).toBe(true)
  expect(silent.how).toBe('waits')
  await runtime.advance(600)
  expect(silent.how).toBe('UnavailableError')
  // Its late answer counts for nothing, and others go on.
  calls[2]?.answer([stored])
  const next = ends(out.send(record('e')))
  await turn()
  calls[3]?.answer([stored])
  await turn()
  expect(next.how).toBe('stored')
})

test('closing ends what waits and what flies, and nothing is sent afterwards', async () => {
  const { out, calls } = opened({ flights: 1 })
  const all = ['a', 'b', 'c', 'd'].map((id) => ends(out.send(record(id))))
  await turn()
  out.close()
  await turn()
  expect(calls[0]?.signal?.aborted).toBe(true)
  expect(all[3]?.how).toBe('TIDINGS_CLOSED')
  expect(ends(out.send(record('e'))).how).toBe('waits')
  await runtime.advance(1_100)
  expect(all.map(({ how }) => how)).toEqual([
    'UnavailableError',
    'UnavailableError',
    'UnavailableError',
    'TIDINGS_CLOSED',
  ])
  expect(calls).toHaveLength(1)
})
