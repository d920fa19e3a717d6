import { hash } from 'node:crypto'

import type { EventDefinition, EventDraft } from '../events/define-event.ts'
import type { Event } from '../events/event.ts'
import { plain } from '../events/plain.ts'
import type { EventRecord } from '../events/record.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { Stamp } from '../prepare/prepare.ts'
import { type Repeated, UnitClaims } from '../publisher/unit-claims.ts'
import { type SqlPart, sql } from '../store/sql.ts'
import type { Row, SqlTransaction } from '../store/sql-store.ts'
import type { CommitResult, DocumentChange, Expectation, Statement, StoredDocument, Unit } from '../store/store.ts'
import type { Deadlined } from './deadlines.ts'
import type { Work } from './handled.ts'
import type { HandlerContext, HandlerTransaction, PublishedInUnit } from './handler-context.ts'
import type { OpenUnit } from './open-unit.ts'
import { isFence } from './partition-state.ts'
import { type Standing, withoutStanding } from './standing.ts'
import type { ReplayAllowance } from './subscription.ts'

/** What an attempt needs of its surroundings. */
export interface AttemptHost {
  readonly subscription: string
  readonly run: number
  /** Of a replay. Default: its effects are not called, and what it publishes is not published. */
  readonly allowance?: ReplayAllowance | undefined
  prepare(draft: EventDraft, stamp: Stamp): EventRecord | Promise<EventRecord>
  /** Claims the content of an event whose type asks for each content once; answers the event that it repeats. */
  claim(record: EventRecord, claims: UnitClaims): Promise<Repeated | undefined>
  /** Commits on its own, only while the partition is still ours. */
  commitFenced(partition: number, unit: Unit): Promise<CommitResult>
  findEffect(id: string): Promise<StoredDocument | undefined>
  /** Opens a transaction, or throws TIDINGS_NOT_SUPPORTED. */
  begin(signal: AbortSignal): Promise<SqlTransaction>
}

export const effectsCollection = 'effects'

/**
 * One attempt to handle one event: the context that the handler sees, and what it has gathered to be committed.
 * It is open until it settles or is withdrawn; a withdrawn attempt throws at every call and its late result counts for nothing.
 */
export class Attempt implements HandlerContext, OpenUnit, Deadlined {
  readonly attempt: number
  readonly event: Event<unknown>
  readonly partition: number
  /** Whatever its runner needs to find its way back. */
  owner: unknown
  deadline = 0
  earlier: Deadlined | undefined
  later: Deadlined | undefined
  withdrawn: Error | undefined
  settled = false
  statements: Statement[] | undefined
  records: EventRecord[] | undefined
  transaction: SqlTransaction | undefined
  /** Left out of its unit: events that stand already, as an attempt before this one was told. */
  standing: Standing | undefined
  #expect: Expectation[] | undefined
  #documents: DocumentChange[] | undefined
  #claims: UnitClaims | undefined
  #afterwards: (() => void)[] | undefined
  readonly #host: AttemptHost
  readonly #expired: (attempt: Attempt) => void
  #abort: AbortController | undefined
  #opening: Promise<SqlTransaction> | undefined
  #pending: Promise<unknown>[] | undefined

  constructor(
    host: AttemptHost,
    event: Event<unknown>,
    partition: number,
    attempt: number,
    owner: unknown,
    expired: (attempt: Attempt) => void,
  ) {
    this.#host = host
    this.event = event
    this.partition = partition
    this.attempt = attempt
    this.owner = owner
    this.#expired = expired
  }

  get subscription(): string {
    return this.#host.subscription
  }

  get replay(): boolean {
    return this.#host.run !== 0
  }

  get signal(): AbortSignal {
    // Making one costs more than most handlers, so only those who ask get it.
    this.#abort ??= new AbortController()
    if (this.withdrawn !== undefined && !this.#abort.signal.aborted) this.#abort.abort(this.withdrawn)
    return this.#abort.signal
  }

  get tx(): HandlerTransaction {
    return { sql: (strings, ...parts) => this.#query(sql(strings, ...(parts as readonly SqlPart[]))) }
  }

  get holding(): boolean {
    return this.#opening !== undefined
  }

  /** Whether something beside the mark must be committed. */
  get hasEffects(): boolean {
    return (
      this.statements !== undefined ||
      this.records !== undefined ||
      this.#documents !== undefined ||
      this.#expect !== undefined
    )
  }

  // Handlers take these apart (`{ write, publish }`), so each is bound when asked for; those who ask for nothing pay nothing.
  get write(): HandlerContext['write'] {
    return (statement) => this.#write(statement)
  }

  get publish(): HandlerContext['publish'] {
    return (definition, data, stamp) => this.#publish(definition, data, stamp)
  }

  get effect(): HandlerContext['effect'] {
    return (name, run) => this.#effect(name, run)
  }

  /**
   * Joins documents, and what must still be so at the commit, to the unit; for the rooms that stand on subscriptions. Where an expectation is broken the
   * event is handled anew, at no attempt's cost: whoever reads again sees what the faster one has written.
   */
  join({ expect, documents }: Pick<Unit, 'expect' | 'documents'>): void {
    this.#assertOpen()
    if (expect !== undefined) (this.#expect ??= []).push(...expect)
    if (documents !== undefined) (this.#documents ??= []).push(...documents)
  }

  /** Calls `run` once what has been joined is committed or refused, or this attempt has been given up; for those who keep others waiting until then. */
  afterwards(run: () => void): void {
    if (this.withdrawn === undefined) (this.#afterwards ??= []).push(run)
    else run()
  }

  /**
   * Commits a unit of its own now, only while the partition is still ours: what must be known whatever becomes of this attempt. A conflict of its own
   * expectations is answered; where the partition has moved, the attempt is withdrawn and this rejects.
   */
  async commitNow(unit: Unit): Promise<CommitResult> {
    this.#assertOpen()
    const result = await this.#host.commitFenced(this.partition, unit)
    if (result.status === 'conflict' && isFence(result.expectation))
      this.withdraw(withdrawal('its partition has moved to another instance', 'TIDINGS_FENCED'))
    this.#assertOpen()
    return result
  }

  #write(statement: Statement): void {
    this.#assertOpen()
    ;(this.statements ??= []).push(statement)
  }

  #publish<Input, Data>(
    definition: EventDefinition<Input, Data>,
    data: Input,
    stamp: Stamp = {},
  ): Promise<PublishedInUnit> {
    try {
      this.#assertOpen()
      const prepared = this.#host.prepare(definition.create(data), stamp)
      if (this.replay && this.#host.allowance?.publishes !== true) return this.#keep(suppressed(prepared))
      const once = definition.dedup === 'content'
      if (!once && !(prepared instanceof Promise)) return Promise.resolve(this.#join(prepared))
      // The handler need not await it; settling does. The place in the unit is that of the call.
      const records: (EventRecord | undefined)[] = (this.records ??= [])
      const at = records.push(undefined) - 1
      const joining = async (): Promise<PublishedInUnit> => {
        const record = await prepared
        const first = once ? await this.#host.claim(record, (this.#claims ??= new UnitClaims())) : undefined
        if (first !== undefined) return { id: first.id, duplicateOf: first.id }
        records[at] = record
        return { id: record.id }
      }
      return this.#keep(joining())
    } catch (error) {
      return this.#keep(Promise.reject(error as Error))
    }
  }

  /** What the handler need not await fails its attempt when it fails; nobody else may hear of it, least of all the process. */
  #keep<T>(joining: Promise<T>): Promise<T> {
    ;(this.#pending ??= []).push(joining)
    joining.catch(() => {})
    return joining
  }

  async #effect<T>(name: string, run: (key: string) => T | Promise<T>): Promise<T> {
    this.#assertOpen()
    const id = `${this.subscription}/${this.event.source}/${this.event.id}/${name}`
    const found = await this.#host.findEffect(id)
    if (found !== undefined) return (JSON.parse(found.body) as { result: T }).result
    if (this.replay && this.#host.allowance?.effects !== true) return undefined as T
    this.#assertOpen()
    if (this.#opening !== undefined) {
      // The record is a commit of its own, and on a store with one writer it would wait for this very transaction.
      throw new TidingsError(
        'TIDINGS_NOT_SUPPORTED',
        `Call \`effect\` (${JSON.stringify(name)}) before the first \`tx.sql\` of the handler.`,
      )
    }
    const result = await run(hash('sha256', id, 'base64url'))
    const kept = result === undefined ? undefined : plain(result)
    const answer = await this.commitNow({
      documents: [
        {
          collection: effectsCollection,
          id,
          put: JSON.stringify({ result: kept, name, subscription: this.subscription, eventId: this.event.id }),
        },
      ],
    })
    if (answer.status === 'refused') throw answer.error
    return result
  }

  /** Whether the handler has started something that `gathered` waits for. */
  get pending(): boolean {
    return this.#pending !== undefined || this.#opening !== undefined
  }

  /** Waits for what the handler started without waiting for it. Rejects with the first failure. */
  gathered(): Promise<unknown> | undefined {
    if (!this.pending) return undefined
    return Promise.all([...(this.#pending ?? []), this.#opening]).then(() => {
      // The places of those that were published before stay empty.
      if (this.#claims !== undefined) this.records = this.records?.filter((record) => record !== undefined)
      if (this.records?.length === 0) this.records = undefined
    })
  }

  /** Everything that becomes true with this attempt: what it has gathered, and what is committed beside. */
  unit(beside: Work): Work {
    const ended = this.#afterwards === undefined ? undefined : () => this.#end()
    if (!this.hasEffects) return ended === undefined ? beside : { ...beside, ended }
    const claims = this.#claims
    return {
      records: this.standing === undefined ? this.records : withoutStanding(this.records, this.standing),
      statements: this.statements,
      documents: joined(beside.documents, this.#documents, claims?.documents),
      expect: joined(beside.expect, this.#expect, claims?.expect),
      ended,
    }
  }

  expire(): void {
    this.#expired(this)
  }

  /** Takes the attempt back: its transaction is closed, its context throws from now on. Idempotent. */
  withdraw(reason: Error): void {
    if (this.withdrawn !== undefined) return
    this.withdrawn = reason
    this.#abort?.abort(reason)
    this.#end()
    // The opening may still be under way; whatever it becomes must not stay open.
    this.#opening
      ?.then(
        (transaction) => transaction.rollback(),
        () => {},
      )
      .catch(() => {})
  }

  #end(): void {
    const runs = this.#afterwards
    this.#afterwards = undefined
    if (runs !== undefined) for (const run of runs) run()
  }

  async #query(statement: Statement): Promise<readonly Row[]> {
    this.#assertOpen()
    this.#opening ??= this.#host.begin(this.signal).then((transaction) => (this.transaction = transaction))
    const transaction = await this.#opening
    this.#assertOpen()
    return transaction.query(statement)
  }

  #join(record: EventRecord): PublishedInUnit {
    ;(this.records ??= []).push(record)
    return record
  }

  #assertOpen(): void {
    if (this.withdrawn !== undefined) throw this.withdrawn
    if (this.settled) throw withdrawal('its handler has returned already')
  }
}

/** It has happened, and was published, when the event was handled first. */
async function suppressed(prepared: EventRecord | Promise<EventRecord>): Promise<PublishedInUnit> {
  return { id: (await prepared).id, suppressed: true }
}

/** All of them in one list; undefined where there is none, which costs nothing. */
function joined<One>(...lists: readonly (readonly One[] | undefined)[]): readonly One[] | undefined {
  const given = lists.filter((list) => list !== undefined)
  return given.length < 2 ? given[0] : given.flat()
}

export function withdrawal(
  why: string,
  code: 'TIDINGS_WITHDRAWN' | 'TIDINGS_FENCED' | 'TIDINGS_HANDLER_TIMEOUT' = 'TIDINGS_WITHDRAWN',
): TidingsError {
  return new TidingsError(code, `This attempt has been withdrawn: ${why}.`)
}
