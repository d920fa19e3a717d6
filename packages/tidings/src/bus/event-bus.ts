import type { AnyEventDefinition, DataOf, DefinitionOf, EventDefinition, EventDraft } from '../events/define-event.ts'
import type { Event } from '../events/event.ts'
import type { Stamp } from '../prepare/prepare.ts'
import type { PublishOptions } from '../publisher/publish-options.ts'
import type { Receipt } from '../publisher/receipt.ts'
import type { ScheduledEvent } from '../publisher/timers/scheduled-event.ts'
import type { SqlTag } from '../store/sql.ts'
import type { Row } from '../store/sql-store.ts'
import type { HandlerContext, PublishedInUnit } from '../subscriber/handler-context.ts'
import type { SubscribeOptions } from '../subscriber/subscribe-options.ts'
import type { Attachment } from './attachment.ts'
import type { EventHistory } from './event-history.ts'

/** Publishes, subscribes, and looks back. One per process and service is enough. */
export interface EventBus {
  /**
   * Makes a fact known. Resolves when it is as durable as the receipt says and inline listeners have run. Rejects, and nothing is
   * written, for bad data (`TIDINGS_INVALID_DATA`), a store that stays away, or a broken expectation.
   */
  publish<Input, Data>(
    definition: EventDefinition<Input, Data>,
    data: Input,
    options?: PublishOptions,
  ): Promise<Receipt>
  publish(draft: EventDraft, options?: PublishOptions): Promise<Receipt>
  /** All or none, in the order given. */
  publish(drafts: readonly EventDraft[], options?: PublishOptions): Promise<readonly Receipt[]>

  /**
   * Declares a subscription; delivery begins with `start`. To types by definition, by name, or by wildcard (`*` one segment, `**` the
   * rest). Throws `TIDINGS_SUBSCRIPTION_EXISTS` for a name this bus has already.
   */
  subscribe<Data>(
    to: DefinitionOf<Data>,
    options: SubscribeOptions,
    handler: (event: Event<Data>, context: HandlerContext) => unknown,
  ): void
  subscribe<const Definitions extends readonly AnyEventDefinition[]>(
    to: Definitions,
    options: SubscribeOptions,
    handler: (event: Event<DataOf<Definitions[number]>>, context: HandlerContext) => unknown,
  ): void
  subscribe(
    to: string | readonly string[],
    options: SubscribeOptions,
    handler: (event: Event<unknown>, context: HandlerContext) => unknown,
  ): void

  /**
   * Brings along what a definition needs: a projection, a saga, a schedule. It begins with `start`, or at once where the bus has started. Throws
   * `TIDINGS_SUBSCRIPTION_EXISTS` for a name that is taken, and what the definition says of a bus it cannot stand on.
   */
  use(definition: Attachment): void

  /**
   * One transaction of an SQL store around statements, events and decisions (`decide` with `within`): all or none. Not retried: where somebody has written
   * to a stream that was decided over, it rejects with `TIDINGS_CONFLICT`, and nothing of it is written. One whose events all stand already, under ids that
   * you gave, was carried out before: it resolves, and nothing of it is written again, its statements included.
   */
  transaction<Result>(work: (unit: TransactionContext) => Result | Promise<Result>): Promise<Result>

  /**
   * Registers what was subscribed, for good, and begins delivery. A new subscription that begins at the head begins here: it does not hear what was
   * published between `subscribe` and its first `start`, and no inline listener ever does; publish after `start`, or say `from: 'beginning'`. One that
   * was registered before goes on where it stood. Subscriptions declared later begin at once; called again, it resolves when they have,
   * and rejects with the reason of one that could not (such as `TIDINGS_SUBSCRIPTION_CHANGED`): its name may be subscribed again. Idempotent.
   */
  start(): Promise<void>
  /** Drains: what runs may finish, nothing new starts; ends within `deadline` milliseconds (default 10,000) even when the store is away. Idempotent. */
  close(options?: { readonly deadline?: number }): Promise<void>

  /** What was published with `delay` or `at` and waits for its time. */
  readonly timers: {
    /** True where this call has taken it back; false where it was published already, or is not there. */
    cancel(id: string): Promise<boolean>
    /** The next due first. Default limit 1,000. */
    list(limit?: number): Promise<readonly ScheduledEvent[]>
  }

  /** What has happened. */
  readonly store: EventHistory
  readonly source: string
}

/** What the work of a transaction is given. Once it has returned, publishing and deciding reject with `TIDINGS_WITHDRAWN`. */
export interface TransactionContext {
  readonly tx: {
    readonly sql: (
      strings: TemplateStringsArray,
      ...parts: Parameters<SqlTag> extends [TemplateStringsArray, ...infer Parts] ? Parts : never
    ) => Promise<readonly Row[]>
  }
  readonly publish: <Input, Data>(
    definition: EventDefinition<Input, Data>,
    data: Input,
    stamp?: Stamp,
  ) => Promise<PublishedInUnit>
}
