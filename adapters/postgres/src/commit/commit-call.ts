import type { CommitResult, EventRecord, Placed } from 'tidings/spi'

import type { Relations } from '../relations.ts'
import type { StreamIdentities } from './identities.ts'
import { eventKey, type Known, type Plan, type Verdict } from './plan-units.ts'

/** The statement that applies a plan, prepared once a connection. */
export function commitText({ commitUnits }: Relations): string {
  return `select ok, head, stream_versions, document_versions, stored from ${commitUnits}($1, $2, $3, $4, $5, $6, $7)`
}

/** What the server said of a plan. */
export type Answer =
  /** Applied. `head`: the position before its first event. */
  | { readonly ok: true; readonly head: number; readonly versions: readonly number[] }
  /** Nothing was written, since this is how things stand. */
  | { readonly ok: false; readonly known: Known }

/** The one row of `commitText`, its values as text. */
export function readAnswer(plan: Plan, row: readonly (string | null)[]): Answer {
  const [ok, head, streams, documents, found] = row
  if (ok === 't') return { ok: true, head: Number(head ?? 0), versions: numbers(streams) }
  return {
    ok: false,
    known: knownOf(plan, numbers(streams), numbers(documents), JSON.parse(found ?? '[]') as readonly Found[]),
  }
}

/** What the server raised where it was told to insist: the same as JSON. */
export function readDetail(plan: Plan, detail: string): Known {
  const { streams, documents, found } = JSON.parse(detail) as {
    readonly streams: readonly number[] | null
    readonly documents: readonly number[] | null
    readonly found: readonly Found[] | null
  }
  return knownOf(plan, streams ?? [], documents ?? [], found ?? [])
}

type Found = readonly [at: number, position: number, streamVersion: number]

function knownOf(plan: Plan, streams: readonly number[], documents: readonly number[], found: readonly Found[]): Known {
  return {
    streams: new Map(plan.streams.map(({ text }, at) => [text, streams[at] ?? 0])),
    documents: new Map(plan.documents.map(({ name }, at) => [name, documents[at] ?? 0])),
    found: new Map(
      found.map(([at, position, streamVersion]) => [
        eventKey(plan.absent[at - 1] as EventRecord),
        { position, streamVersion },
      ]),
    ),
  }
}

/** What was applied for good: remembered for the next call. */
export function learn(
  plan: Plan,
  { head, versions }: Answer & { readonly ok: true },
  identities: StreamIdentities,
): void {
  if (plan.streams.length === 0) return
  identities.moved(head, head + plan.records.length)
  plan.streams.forEach(({ identity, appended }, at) => identities.remember(identity, (versions[at] ?? 0) + appended))
}

/** What each unit is told, when the plan was applied. */
export function resultsOf(plan: Plan, head: number, versions: readonly number[]): CommitResult[] {
  const place = (at: number): Placed => ({
    position: head + at + 1,
    streamVersion: (versions[plan.streamAt[at] as number] ?? 0) + (plan.nth[at] as number),
  })
  return plan.verdicts.map((verdict) => resultOf(verdict, place))
}

function resultOf(verdict: Verdict, place: (at: number) => Placed): CommitResult {
  switch (verdict.kind) {
    case 'answer':
      return verdict.result
    case 'repeat': {
      const events = verdict.places.map((one) => (typeof one === 'number' ? place(one) : one))
      return { status: 'committed', events, repeated: true }
    }
    case 'apply': {
      const events = new Array<Placed>(verdict.count)
      for (let at = 0; at < verdict.count; at++) events[at] = place(verdict.from + at)
      return { status: 'committed', events, repeated: false }
    }
  }
}

function numbers(array: string | null | undefined): readonly number[] {
  return array == null ? [] : (JSON.parse(`[${array.slice(1, -1)}]`) as number[])
}
