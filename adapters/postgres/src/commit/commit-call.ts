import type { CommitResult, EventRecord, Placed } from 'tidings/spi'

import type { Relations } from '../relations.ts'
import {
  boolArray,
  byteaArray,
  float8Array,
  int2Array,
  int4Array,
  int8Array,
  textArray,
  uuidArray,
} from './binary-arrays.ts'
import { indexSpace, type StreamIdentities } from './identities.ts'
import { eventKey, type Known, type Plan, type PlannedDocument, type Verdict } from './plan-units.ts'

/** See `commitUnits` of the first migration. */
export const commitMode = { answer: 0, insist: 1, look: 2 } as const

export type CommitMode = (typeof commitMode)[keyof typeof commitMode]

const places = Array.from({ length: 41 }, (_, at) => `$${at + 1}`).join(', ')

/** The statement that applies a plan, prepared once a connection. */
export function commitText({ commitUnits }: Relations): string {
  return `select ok, head, stream_versions, document_versions, stored from ${commitUnits}(${places})`
}

/** What the server said of a plan. */
export type Answer =
  /** Applied. `head`: the position before its first event. */
  | { readonly ok: true; readonly head: number; readonly versions: readonly number[] }
  /** Nothing was written, since this is how things stand. */
  | { readonly ok: false; readonly known: Known }

export function commitValues(plan: Plan, mode: CommitMode, identities: StreamIdentities): unknown[] {
  const { streams, documents, absent, records } = plan
  return [
    mode,
    identities.head,
    uuidArray(streams.map(({ identity }) => identity.stream)),
    int8Array(streams.map(expectedOf)),
    int8Array(streams.map(({ identity }) => identities.versionOf(identity))),
    uuidArray(documents.map(({ document }) => document)),
    int8Array(documents.map(expectedOf)),
    textArray(absent.map(({ id }) => id)),
    textArray(absent.map(({ source }) => source)),
    int4Array(plan.streamAt.map((at) => at + 1)),
    int4Array(plan.nth),
    int2Array(plan.streamAt.map((at) => streams[at]?.identity.partition ?? 0)),
    ...eventValues(records),
    ...documentValues(documents),
  ]
}

function eventValues(records: readonly EventRecord[]): unknown[] {
  return [
    int8Array(records.map(({ time }) => time)),
    int2Array(records.map(({ priority }) => priority)),
    textArray(records.map(({ id }) => id)),
    textArray(records.map(({ source }) => source)),
    textArray(records.map(({ type }) => type)),
    textArray(records.map(({ version }) => version)),
    textArray(records.map(({ tenant }) => tenant)),
    textArray(records.map(({ category }) => category)),
    textArray(records.map(({ key }) => key)),
    textArray(records.map(({ correlation, id }) => (correlation === id ? null : correlation))),
    textArray(records.map(({ causation }) => causation)),
    textArray(records.map(({ encoding }) => encoding)),
    textArray(records.map(({ checksum }) => checksum)),
    textArray(records.map(({ seal }) => seal)),
    textArray(records.map(({ context }) => context)),
    textArray(records.map(({ data }) => (typeof data === 'string' ? data : null))),
    byteaArray(records.map(({ data }) => (typeof data === 'string' ? null : data))),
  ]
}

function documentValues(documents: readonly PlannedDocument[]): unknown[] {
  const changed: number[] = []
  const entries: {
    readonly at: number
    readonly space: Buffer
    readonly value: string | number
    readonly id: string
  }[] = []
  const indexed: (string | null)[] = []
  documents.forEach(({ body, collection, id }, at) => {
    if (body === undefined) return
    changed.push(at)
    const values = Object.entries(body?.index ?? {})
    indexed.push(values.length === 0 ? null : JSON.stringify(values))
    for (const [name, value] of values) entries.push({ at, space: indexSpace(collection, name), value, id })
  })
  const of = (at: number): PlannedDocument => documents[at] as PlannedDocument
  return [
    int4Array(changed.map((at) => at + 1)),
    int4Array(changed.map((at) => of(at).puts)),
    boolArray(changed.map((at) => of(at).anew)),
    textArray(changed.map((at) => of(at).collection)),
    textArray(changed.map((at) => of(at).id)),
    textArray(indexed),
    textArray(changed.map((at) => of(at).body?.put ?? null)),
    int4Array(entries.map(({ at }) => at + 1)),
    uuidArray(entries.map(({ space }) => space)),
    float8Array(entries.map(({ value }) => (typeof value === 'number' ? value : null))),
    textArray(entries.map(({ value }) => (typeof value === 'string' ? value : null))),
    textArray(entries.map(({ id }) => id)),
  ]
}

function expectedOf({ base, relied }: { readonly base: number | undefined; readonly relied: boolean }): number {
  return relied && base !== undefined ? base : -1
}

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
