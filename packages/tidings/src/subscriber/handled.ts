import type { EventRecord } from '../events/record.ts'
import type { DocumentChange, Placed } from '../store/store.ts'
import type { Item, Lane } from './lane.ts'
import { deleteParked } from './parked-event.ts'
import type { PartitionState } from './partition-state.ts'
import type { Settlement } from './settlement.ts'

/** What one success brings along. */
export interface Work {
  readonly records?: readonly EventRecord[] | undefined
  readonly documents?: readonly DocumentChange[] | undefined
  readonly statements?: Settlement['statements']
  readonly expect?: Settlement['expect']
  /** Called when it is committed, refused or given up, whichever it is. */
  readonly ended?: (() => void) | undefined
}

/** What the engine does when a success has its answer. */
export interface HandledThen {
  committed(lane: Lane, item: Item, records: readonly EventRecord[] | undefined, placed: readonly Placed[]): void
  refused(lane: Lane, item: Item, error: Error): void
}

/** A success on its way to its commit. A class, since there is one for every event. */
export class Handled implements Settlement {
  readonly partition: PartitionState
  readonly entry: Settlement['entry']
  readonly records: Settlement['records']
  readonly documents: Settlement['documents']
  readonly statements: Settlement['statements']
  readonly expect: Settlement['expect']
  readonly #ended: (() => void) | undefined
  readonly #then: HandledThen
  readonly #lane: Lane
  readonly #item: Item

  constructor(then: HandledThen, lane: Lane, item: Item, work: Work) {
    this.partition = item.partition
    this.entry = item.parked === undefined || item.entry?.done === false ? item.entry : undefined
    this.records = work.records
    this.documents = item.parked === undefined ? work.documents : [...(work.documents ?? []), deleteParked(item.parked)]
    this.statements = work.statements
    this.expect = work.expect
    this.#ended = work.ended
    this.#then = then
    this.#lane = lane
    this.#item = item
  }

  committed(placed: readonly Placed[]): void {
    this.#then.committed(this.#lane, this.#item, this.records, placed)
    this.#ended?.()
  }

  refused(error: Error): void {
    this.#then.refused(this.#lane, this.#item, error)
    this.#ended?.()
  }

  lost(): void {
    this.#ended?.()
  }
}
