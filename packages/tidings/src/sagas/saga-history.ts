import { isDeepStrictEqual } from 'node:util'

import type { Json } from '../events/plain.ts'
import type { SagaChange, SagaDocument } from './saga-document.ts'
import type { Moment } from './saga-input.ts'

/** Most entries that a document keeps; the oldest make room. */
const mostEntries = 200
/** Most changes of one entry. */
const mostChanges = 50
/** Longest value of a member that an entry repeats, as JSON; longer ones are only said to have changed. */
const longest = 1_000

/** Members whose own members are told one by one. */
const apart = ['steps', 'results', 'heard', 'timers', 'state'] as const
const whole = ['run', 'status', 'reason', 'version'] as const

/** The document with one more entry: what this transition has changed. */
export function withHistory(before: SagaDocument, after: SagaDocument, { now, heard }: Moment): SagaDocument {
  const changes = diff(before, after)
  if (changes.length === 0) return after
  const entries = [...after.history, { at: now, type: heard.type, event: heard.event, changes }]
  const forgotten = Math.max(0, entries.length - mostEntries)
  return { ...after, history: entries.slice(forgotten), forgotten: after.forgotten + forgotten }
}

function diff(before: SagaDocument, after: SagaDocument): readonly SagaChange[] {
  const changes: SagaChange[] = []
  const compare = (path: string, from: unknown, to: unknown): void => {
    if (changes.length < mostChanges && !isDeepStrictEqual(from, to))
      changes.push({ path, ...valueOf('from', from), ...valueOf('to', to) })
  }
  for (const name of whole) compare(name, before[name], after[name])
  for (const name of apart) {
    const [from, to] = [membersOf(before[name]), membersOf(after[name])]
    if (from === undefined || to === undefined) compare(name, before[name], after[name])
    else
      for (const member of new Set([...Object.keys(from), ...Object.keys(to)]))
        compare(`${name}.${member}`, from[member], to[member])
  }
  if (before.early.length !== after.early.length) compare('early', before.early.length, after.early.length)
  return changes
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (value === undefined) return {}
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined
}

function valueOf<Name extends 'from' | 'to'>(name: Name, value: unknown): { readonly [name in Name]?: Json } {
  if (value === undefined) return {}
  const text = JSON.stringify(value)
  return { [name]: text.length > longest ? '(long)' : (value as Json) } as { readonly [name in Name]?: Json }
}
