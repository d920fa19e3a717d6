import type { EventDraft } from '../events/define-event.ts'
import { type Event, priorityRank } from '../events/event.ts'
import type { EventRecord } from '../events/record.ts'
import { eventOf, recordOf } from '../events/record-codec.ts'
import { TidingsError } from '../kernel/errors.ts'
import { type Counter, type Histogram, type Meter, silentMeter } from '../kernel/meter.ts'
import type { Runtime } from '../kernel/runtime.ts'
import { fitData } from '../prepare/fit-data.ts'
import { type PrepareOptions, prepare, type Stamp } from '../prepare/prepare.ts'
import { checkStampNames } from '../prepare/stamp-names.ts'
import type { CommitResult, DocumentChange, Expectation, Placed, Store, Unit } from '../store/store.ts'
import type { Audience } from './audience.ts'
import { claimBatch } from './batch-claims.ts'
import type { Committer } from './committer.ts'
import { claimContent, contentMark, dedupCollection } from './content-mark.ts'
import { expectationsOf, refuseSeveralStreams } from './expected-version.ts'
import { Hearing } from './hearing.ts'
import { refuseIdsOfOne, refuseOtherCount } from './ids-of-batch.ts'
import { type JoinedUnit, Joining } from './joining.ts'
import { checkPublishOptions, type PublishOptions, type PublishSettings } from './publish-options.ts'
import { deadlineOf, PublisherCommits } from './publisher-commits.ts'
import { RateGate } from './rate-gate.ts'
import { type Receipt, receiptOf } from './receipt.ts'
import type { Repeated, UnitClaims } from './unit-claims.ts'

export interface PublisherHost extends PrepareOptions {
  readonly store: Store
  /** Of what a publish has written, for receipts. */
  readonly durability: Receipt['durability']
  readonly committer: Committer
  readonly runtime: Runtime
  readonly meter: Meter
  readonly settings: PublishSettings
  readonly dedupSecret: string
  audience(type: string): Audience
  committed(placed: readonly Placed[]): void
}

/** What became of events that were completed before. */
export interface Published {
  /** One for each, in their order. */
  readonly receipts: readonly Receipt[]
  /** As they went to the store. */
  readonly records: readonly EventRecord[]
  /** Whether they stood already, by an earlier try of this very call or by somebody else, who may have told other things under their ids. */
  readonly repeated: boolean
}

/** An event on its way to the store. */
interface Ready {
  readonly event: Event<unknown>
  readonly record: EventRecord
}

const noOptions: PublishOptions = Object.freeze({})

/** From a draft to a receipt: prepare, limit, commit, inline listeners. */
export class Publisher {
  readonly #host: PublisherHost
  readonly #durability: Receipt['durability']
  readonly #gate: RateGate | undefined
  readonly #commits: PublisherCommits
  readonly #hearing: Hearing
  readonly #joining: Joining
  readonly #sealing: { readonly seal?: (checksum: string) => string }
  readonly #published: Counter
  readonly #duration: Histogram
  readonly #measures: boolean
  readonly #failed: Counter
  readonly #duplicated: Counter

  constructor(host: PublisherHost) {
    this.#host = host
    this.#durability = host.durability
    this.#gate =
      host.settings.rate === undefined
        ? undefined
        : new RateGate(host.runtime, host.settings.rate, host.settings.rateQueue)
    this.#sealing = host.settings.seal === undefined ? {} : { seal: host.settings.seal }
    this.#measures = host.meter !== silentMeter
    this.#duration = host.meter.histogram('messaging.client.operation.duration')
    this.#published = host.meter.counter('messaging.client.sent.messages')
    this.#failed = host.meter.counter('tidings.publish.failed')
    this.#duplicated = host.meter.counter('tidings.publish.duplicated')
    this.#commits = new PublisherCommits({
      ...host,
      committed: (placed) => host.committed(placed),
      failed: this.#failed,
    })
    this.#hearing = new Hearing(host)
    this.#joining = new Joining({ ...host, joining: (type) => host.audience(type).joining })
    host.meter.gauge('tidings.publish.waiting', () => host.committer.waiting + (this.#gate?.waiting ?? 0))
  }

  publish(draft: EventDraft, options: PublishOptions = noOptions): Promise<Receipt> {
    if (!this.#measures) return this.#publish(draft, options)
    const began = this.#host.runtime.monotonic()
    const publishing = this.#publish(draft, options)
    publishing.then(
      () => this.#duration.record((this.#host.runtime.monotonic() - began) / 1_000),
      () => {},
    )
    return publishing
  }

  #publish(draft: EventDraft, options: PublishOptions): Promise<Receipt> {
    try {
      if (options !== noOptions) checkPublishOptions(options)
      refuseIdsOfOne(options)
      const event = prepare(draft, options, this.#host)
      return event instanceof Promise
        ? event.then((prepared) => this.#one(draft, prepared, options))
        : this.#one(draft, event, options)
    } catch (error) {
      this.#failed.add(1)
      return Promise.reject(error)
    }
  }

  /** All or none, in the order given. Those that repeat an event which their type asks to have once are answered as duplicates. */
  async publishAll(drafts: readonly EventDraft[], options: PublishOptions = noOptions): Promise<readonly Receipt[]> {
    if (options !== noOptions) checkPublishOptions(options)
    if (drafts.length === 0) return []
    if (drafts.length === 1 && options.ids === undefined) return [await this.publish(drafts[0] as EventDraft, options)]
    if (options.dedupKey !== undefined) {
      throw new TidingsError(
        'TIDINGS_INVALID_OPTION',
        'Expected `dedupKey` for one event: it says which, so it cannot stand for a batch.',
        {
          details: { field: 'dedupKey' },
        },
      )
    }
    refuseOtherCount(options, drafts.length)
    const { ids } = options
    const events = await Promise.all(
      drafts.map(async (draft, at) => {
        const id = ids?.[at]
        return prepare(draft, id === undefined ? options : { ...options, id }, this.#host)
      }),
    )
    if (options.expectedVersion !== undefined) refuseSeveralStreams(events)
    const fresh = options.id === undefined && ids === undefined
    const expected = expectationsOf(options, events[0] as Event<unknown>)
    return (await this.publishEvents(drafts, events, fresh, expected, options)).receipts
  }

  /** Completes a draft as a publish would, for those who look at the event before they publish it by `publishEvents`. */
  complete(draft: EventDraft, stamp: Stamp): Event<unknown> | Promise<Event<unknown>> {
    return prepare(draft, stamp, this.#host)
  }

  /**
   * Publishes events that were completed before, all or none, where everything expected holds. `fresh`: their ids were drawn for this very call.
   */
  async publishEvents(
    drafts: readonly EventDraft[],
    events: readonly Event<unknown>[],
    freshIds: boolean,
    expected: readonly Expectation[],
    options: PublishOptions = noOptions,
  ): Promise<Published> {
    const { store, runtime, settings, dedupSecret } = this.#host
    const ready = await Promise.all(events.map(async (event) => this.#fit(event, freshIds)))
    const rank = Math.min(...events.map((event) => priorityRank[event.priority]))
    const asks = (at: number): boolean => drafts[at]?.definition.dedup === 'content'
    const dedup = drafts.some((_, at) => asks(at))
    let passed = false
    for (;;) {
      const claims = dedup
        ? await claimBatch(store, events, asks, {
            secret: dedupSecret,
            now: runtime.now(),
            window: settings.dedupWindow,
          })
        : undefined
      const fresh = claims === undefined ? ready : ready.filter((_, at) => !claims.duplicates.has(at))
      let placed: readonly Placed[] = []
      let repeated = false
      if (fresh.length > 0) {
        if (!passed) await this.#gate?.pass(rank, fresh.length, deadlineOf(options))
        passed = true
        const expect: Expectation[] = [...(claims?.expect ?? []), ...expected]
        const documents = [...(this.#promises(fresh).documents ?? []), ...(claims?.documents ?? [])]
        const append = fresh.map(({ record }) => record)
        const result = await this.#attempt({ append, expect, documents }, rank, options)
        // Somebody else has published the same meanwhile: look again who was first.
        if (dedup && isBeatenClaim(result)) continue
        ;({ events: placed, repeated } = this.#commits.granted(result))
      }
      this.#published.add(fresh.length)
      this.#duplicated.add(ready.length - fresh.length)
      let next = 0
      const receipts = await Promise.all(
        ready.map(async ({ event, record }, at) => {
          const first = claims?.duplicates.get(at)
          return first === undefined
            ? this.#hearing.hear(event, record, placed[next++] as Placed, repeated)
            : this.#duplicate(first)
        }),
      )
      return { receipts, records: ready.map(({ record }) => record), repeated }
    }
  }

  /** An event that was built elsewhere, as it is: its id, source and time are kept, so that repeating it is harmless. */
  async publishRecords(
    records: readonly EventRecord[],
    options: PublishOptions = noOptions,
  ): Promise<readonly Placed[]> {
    const result = await this.#commits.attempt({ append: records }, records[0]?.priority ?? 2, options)
    const { events } = this.#commits.granted(result)
    this.#published.add(records.length)
    return events
  }

  /** The record of a draft, limited and sealed as everything that is published, for units that are committed elsewhere. */
  prepare(draft: EventDraft, stamp: Stamp): EventRecord | Promise<EventRecord> {
    checkStampNames(stamp)
    const fit = (event: Event<unknown>): EventRecord | Promise<EventRecord> => {
      const ready = this.#fit(event, stamp.id === undefined)
      return ready instanceof Promise ? ready.then(({ record }) => record) : ready.record
    }
    const event = prepare(draft, stamp, this.#host)
    return event instanceof Promise ? event.then(fit) : fit(event)
  }

  /** Claims the content of a record for the unit that appends it, where its type asks for each content once; answers the event that it repeats. */
  async claim(record: EventRecord, claims: UnitClaims): Promise<Repeated | undefined> {
    const { store, runtime, settings, dedupSecret } = this.#host
    const event = eventOf(record)
    const mark = contentMark(event, undefined, dedupSecret)
    const first = await claims.claim(mark, record.id, () =>
      claimContent(store, mark, event, runtime.now(), settings.dedupWindow),
    )
    if (first !== undefined) this.#duplicated.add(1)
    return first
  }

  /** What must be committed with these records, so that a crash before their inline listeners have run loses nothing. */
  promises(records: readonly EventRecord[]): readonly DocumentChange[] {
    return this.#hearing.promises(records)
  }

  /**
   * A unit of somebody else with what read models write in it, as they are right now, for whoever cannot begin anew; `deadline` in milliseconds. Rejects
   * with what their handlers throw, with `TIDINGS_PROJECTION_BEHIND`, and with `TIDINGS_DEADLINE`.
   */
  async joined(unit: Unit & { readonly append: readonly EventRecord[] }, deadline: number): Promise<JoinedUnit> {
    return this.#joining.concerns(unit.append) ? this.#joining.now(unit, deadline) : { unit, committed: () => {} }
  }

  /** Learns from the conflict of such a unit, so that the next one is made of what is so. */
  met(records: readonly EventRecord[], result: Extract<CommitResult, { status: 'conflict' }>): void {
    this.#joining.met(records, result)
  }

  /** Counts what a unit of somebody else has published. */
  counted(records: number): void {
    this.#published.add(records)
  }

  /** Runs the inline listeners of records that a unit of somebody else has committed, or has found committed: `repeated`. */
  async heard(records: readonly EventRecord[], placed: readonly Placed[], repeated = false): Promise<void> {
    this.#published.add(records.length)
    this.#host.committed(placed)
    await this.#hearing.hearAll(records, placed, repeated)
  }

  #one(draft: EventDraft, event: Event<unknown>, options: PublishOptions): Promise<Receipt> {
    const dedup = options.dedupKey !== undefined || draft.definition.dedup === 'content'
    const ready = this.#fit(event, options.id === undefined)
    const expects = options.expectedVersion !== undefined || options.expect !== undefined
    const audience = this.#host.audience(event.type)
    const joins = audience.joining.length > 0
    if (dedup || joins || this.#gate !== undefined || expects || ready instanceof Promise)
      return this.#slow(draft, event, ready, options, dedup)
    const { record } = ready
    const unit: Unit = audience.promising ? { append: [record], ...this.#promises([ready]) } : { append: [record] }
    const rank = priorityRank[event.priority]
    if (audience.inline.length === 0) {
      return this.#commits.submit(unit, rank, options, ({ position, streamVersion }) => {
        this.#published.add(1)
        return receiptOf(event, position, streamVersion, this.#durability, audience.matched, undefined)
      })
    }
    // Listeners run in a turn of their own publish: commits are shared, and what surrounds one publisher is no business of another.
    let again = false
    const placing = this.#commits.submit(unit, rank, options, (placed, repeated) => {
      this.#published.add(1)
      again = repeated
      return placed
    })
    return placing.then((placed) => this.#hearing.hear(event, record, placed, again, audience))
  }

  async #slow(
    draft: EventDraft,
    event: Event<unknown>,
    fitting: Ready | Promise<Ready>,
    options: PublishOptions,
    dedup: boolean,
  ): Promise<Receipt> {
    const { store, runtime, settings, dedupSecret } = this.#host
    const expected = expectationsOf(options, event)
    const ready = await fitting
    const rank = priorityRank[event.priority]
    const mark = dedup ? contentMark(event, options.dedupKey, dedupSecret) : undefined
    let passed = false
    for (;;) {
      const claim =
        mark === undefined ? undefined : await claimContent(store, mark, event, runtime.now(), settings.dedupWindow)
      if (claim !== undefined && 'first' in claim) {
        this.#duplicated.add(1)
        return this.#duplicate(claim.first)
      }
      // A duplicate costs no place under the limit.
      if (!passed) await this.#gate?.pass(rank, 1, deadlineOf(options))
      passed = true
      const expect: Expectation[] = [...expected]
      if (claim !== undefined) expect.push(claim.expect)
      const promises = this.#promises([ready]).documents ?? []
      const documents = claim === undefined ? promises : [...promises, claim.document]
      const result = await this.#attempt({ append: [ready.record], expect, documents }, rank, options)
      if (isBeatenClaim(result)) continue
      const committed = this.#commits.granted(result, draft.definition.type)
      this.#published.add(1)
      return this.#hearing.hear(event, ready.record, committed.events[0] as Placed, committed.repeated)
    }
  }

  /** Answers a duplicate with where its first event is. */
  async #duplicate(first: { readonly id: string }): Promise<Receipt> {
    const { events } = await this.#host.store.readAll({ after: 0, limit: 1, id: first.id })
    const stored = events[0]
    return {
      id: first.id,
      position: stored?.position ?? 0,
      streamVersion: stored?.streamVersion ?? 0,
      durability: this.#durability,
      matched: 0,
      duplicateOf: first.id,
    }
  }

  /** A commit with what read models write in it. */
  async #attempt(
    unit: Unit & { readonly append: readonly EventRecord[] },
    rank: number,
    options: PublishOptions,
  ): Promise<CommitResult> {
    if (!this.#joining.concerns(unit.append)) return this.#commits.attempt(unit, rank, options)
    try {
      return await this.#joining.commit(unit, deadlineOf(options), (whole, deadline) =>
        this.#commits.attempt(whole, rank, { ...options, deadline }),
      )
    } catch (error) {
      this.#failed.add(1)
      throw error
    }
  }

  #fit(event: Event<unknown>, fresh: boolean): Ready | Promise<Ready> {
    const { settings } = this.#host
    const record = recordOf(event, { fresh, ...this.#sealing })
    const fitted = fitData(event, record, settings)
    return fitted instanceof Promise
      ? fitted.then((compressed) => ({ event, record: compressed }))
      : { event, record: fitted }
  }

  #promises(ready: readonly Ready[]): { readonly documents?: readonly DocumentChange[] } {
    const documents = this.promises(ready.map(({ record }) => record))
    return documents.length === 0 ? {} : { documents }
  }
}

/** Somebody else has published the same content meanwhile. */
function isBeatenClaim(result: CommitResult): boolean {
  return (
    result.status === 'conflict' &&
    'collection' in result.expectation &&
    result.expectation.collection === dedupCollection
  )
}
