import type { EventDefinition } from '../events/define-event.ts'
import type { EventRecord } from '../events/record.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { Stamp } from '../prepare/prepare.ts'
import type { Publisher } from '../publisher/publisher.ts'
import { UnitClaims } from '../publisher/unit-claims.ts'
import { type SqlPart, sql } from '../store/sql.ts'
import type { SqlTransaction } from '../store/sql-store.ts'
import type { DocumentChange, Expectation, Unit } from '../store/store.ts'
import type { PublishedInUnit } from '../subscriber/handler-context.ts'
import type { OpenUnit } from '../subscriber/open-unit.ts'
import type { TransactionContext } from './event-bus.ts'

/** What the work of one transaction gathers beside its statements, which have run already. Open until `gathered` or `end`. */
export class TransactionUnit implements TransactionContext, OpenUnit {
  readonly tx: TransactionContext['tx']
  readonly publish: TransactionContext['publish']
  readonly replay = false
  readonly holding = true
  readonly records: (EventRecord | undefined)[] = []
  readonly #publisher: Publisher
  readonly #preparing: Promise<PublishedInUnit>[] = []
  readonly #claims = new UnitClaims()
  readonly #expect: Expectation[] = []
  readonly #documents: DocumentChange[] = []
  #ended = false

  constructor(open: SqlTransaction, publisher: Publisher) {
    this.#publisher = publisher
    // The work takes these apart (`{ tx, publish }`).
    this.tx = { sql: (strings, ...parts) => open.query(sql(strings, ...(parts as readonly SqlPart[]))) }
    this.publish = (definition, data, stamp) => {
      const publishing = this.#publish(definition, data, stamp)
      this.#preparing.push(publishing)
      // Whoever does not await it learns of a failure by the transaction, not by a rejection that nobody handles.
      publishing.catch(() => {})
      return publishing
    }
  }

  /** Whether something joined it that stands on what was read. */
  get stands(): boolean {
    return this.#expect.length > 0
  }

  join({ expect = [], documents = [] }: Pick<Unit, 'expect' | 'documents'>): void {
    this.#assertOpen()
    this.#expect.push(...expect)
    this.#documents.push(...documents)
  }

  /** All of it, once everything that was published is prepared. Takes nothing more from the call on. */
  async gathered(): Promise<
    Required<Omit<Unit, 'statements' | 'append'>> & { readonly append: readonly EventRecord[] }
  > {
    this.end()
    await Promise.all(this.#preparing)
    const append = this.records.filter((record) => record !== undefined)
    return {
      append,
      documents: [...this.#publisher.promises(append), ...this.#claims.documents, ...this.#documents],
      expect: [...this.#claims.expect, ...this.#expect],
    }
  }

  end(): void {
    this.#ended = true
  }

  async #publish<Input, Data>(
    definition: EventDefinition<Input, Data>,
    data: Input,
    stamp: Stamp = {},
  ): Promise<PublishedInUnit> {
    this.#assertOpen()
    // Its place among the others is that of the call.
    const at = this.records.push(undefined) - 1
    const record = await this.#publisher.prepare(definition.create(data), stamp)
    const first = definition.dedup === 'content' ? await this.#publisher.claim(record, this.#claims) : undefined
    if (first !== undefined) return { id: first.id, duplicateOf: first.id }
    this.records[at] = record
    return { id: record.id }
  }

  #assertOpen(): void {
    if (this.#ended)
      throw new TidingsError('TIDINGS_WITHDRAWN', 'The transaction has ended: its work has returned already.')
  }
}
