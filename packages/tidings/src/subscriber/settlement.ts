import type { EventRecord } from '../events/record.ts'
import {
  type CommitResult,
  type DocumentChange,
  type Expectation,
  type Placed,
  type Statement,
  streamText,
  type Unit,
} from '../store/store.ts'
import { documentKey, expectedKey } from '../store/touched-keys.ts'
import { checkpointsCollection, isFence, type PartitionState } from './partition-state.ts'
import type { WatermarkEntry } from './watermark.ts'

/** One delivery that has ended and waits for its commit, with all that must become true together. */
export interface Settlement {
  readonly partition: PartitionState
  /** Marked done by this commit; undefined for what lies below the watermark already. */
  readonly entry: WatermarkEntry | undefined
  readonly records?: readonly EventRecord[] | undefined
  readonly documents?: readonly DocumentChange[] | undefined
  readonly statements?: readonly Statement[] | undefined
  /** Preconditions of its own. */
  readonly expect?: readonly Expectation[] | undefined
  /** It is durable. */
  committed(placed: readonly Placed[]): void
  /** Its own unit cannot be applied, whoever commits it. Nothing of it is done. */
  refused(error: Error): void
  /** The partition is somebody else's. */
  lost(): void
}

/** The checkpoint has moved although the partition is ours: an earlier try of this unit was applied after all. */
export function isLateAnswer(answer: CommitResult): boolean {
  return (
    answer.status === 'conflict' &&
    'collection' in answer.expectation &&
    answer.expectation.collection === checkpointsCollection
  )
}

/** The rest of it. Not by spreading: a settlement may be an object of a class. */
export function withoutRecords(settlement: Settlement): Settlement {
  const { partition, entry, documents, statements, expect } = settlement
  return {
    partition,
    entry,
    documents,
    statements,
    expect,
    committed: (placed) => settlement.committed(placed),
    refused: (error) => settlement.refused(error),
    lost: () => settlement.lost(),
  }
}

export function hasRecords(settlement: Settlement): boolean {
  return settlement.records !== undefined
}

export const none: readonly never[] = Object.freeze([])

export function expecting(batch: readonly Settlement[], expectation: Expectation): readonly Settlement[] {
  const key = expectedKey(expectation)
  return batch.filter(({ expect }) => expect?.some((one) => expectedKey(one) === key) === true)
}

/**
 * Whether it expects what another one of the same unit expects or writes: all are judged by how it was before the unit, so both would hold, and the
 * later one would stand on what the earlier one has changed. `touched` takes up what this one expects and writes.
 */
export function clashes(settlement: Settlement, touched: Set<string>): boolean {
  const expected = (settlement.expect ?? []).map(expectedKey)
  if (expected.some((key) => touched.has(key))) return true
  for (const key of expected) touched.add(key)
  addWritten(settlement, touched)
  return false
}

/** Takes up the documents and streams that a settlement changes. */
function addWritten({ documents = [], records = [] }: Settlement, written: Set<string>): void {
  for (const change of documents) written.add(documentKey(change))
  for (const record of records) written.add(streamText(record))
}

/** Takes up what was there as a settlement expected it, and is not any more since it has changed it. */
export function addReplaced(settlement: Settlement, replaced: Set<string>): void {
  if (settlement.expect === undefined) return
  const written = new Set<string>()
  addWritten(settlement, written)
  for (const one of settlement.expect) if (written.has(expectedKey(one))) replaced.add(versionOf(one))
}

export function versionOf(expectation: Expectation): string {
  return `${expectation.version} ${expectedKey(expectation)}`
}

/** All of a batch in one unit, with one fence and one checkpoint a partition. */
export function unitOf(batch: readonly Settlement[]): Unit {
  const partitions = new Set<PartitionState>()
  const documents: DocumentChange[] = []
  const append: EventRecord[] = []
  const statements: Statement[] = []
  const expect: Expectation[] = []
  for (const { partition } of batch) partitions.add(partition)
  // The checkpoint must be as this process left it: a commit that gave no answer may still arrive after it was repeated.
  for (const partition of partitions) expect.push(partition.fence, partition.unchanged)
  for (const settlement of batch) {
    if (settlement.expect !== undefined) expect.push(...settlement.expect)
    if (settlement.documents !== undefined) documents.push(...settlement.documents)
    if (settlement.records !== undefined) append.push(...settlement.records)
    if (settlement.statements !== undefined) statements.push(...settlement.statements)
  }
  for (const partition of partitions) documents.push(partition.checkpoint())
  return {
    expect,
    documents,
    ...(append.length === 0 ? {} : { append }),
    ...(statements.length === 0 ? {} : { statements }),
  }
}

/** The deliveries without effects cannot be refused, so they stay together; the others go one by one. */
export function apart(batch: readonly Settlement[]): Settlement[][] {
  const plain = batch.filter((settlement) => !mayBeRefused(settlement))
  const single = batch.filter(mayBeRefused)
  const parts = single.map((settlement) => [settlement])
  return plain.length === 0
    ? parts
    : single.length === 0
      ? [plain.slice(0, plain.length / 2), plain.slice(plain.length / 2)]
      : [plain, ...parts]
}

function mayBeRefused(settlement: Settlement): boolean {
  return settlement.records !== undefined || settlement.statements !== undefined || settlement.expect !== undefined
}

export function lostPartition(batch: readonly Settlement[], answer: CommitResult): PartitionState | undefined {
  if (answer.status !== 'conflict' || !isFence(answer.expectation)) return undefined
  const { id } = answer.expectation
  return batch.find((settlement) => settlement.partition.id === id)?.partition
}
