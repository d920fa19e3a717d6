import type { Attachment } from '../bus/attachment.ts'
import type { EventBus } from '../bus/event-bus.ts'
import type { AnyEventDefinition, DataOf, DefinitionOf } from '../events/define-event.ts'
import type { Event } from '../events/event.ts'
import type { Duration } from '../kernel/duration.ts'
import type { Statement, StreamName } from '../store/store.ts'
import type { RetryOptions } from '../subscriber/subscribe-options.ts'
import { attachProjection } from './attach-projection.ts'
import type { CheckInput } from './check-input.ts'
import type { CollectionDefinition, WritableCollection } from './collection.ts'
import type { ProjectionHandle } from './projection-handle.ts'
import { handleOf } from './projection-handles.ts'
import { type ProjectionSettings, projectionSettings } from './projection-settings.ts'

/** Where a projection's documents go, by the name that handlers and readers use. */
// biome-ignore lint/suspicious/noExplicitAny: any stands for the values of every collection.
// oxlint-disable-next-line typescript/no-explicit-any
export type Collections = Readonly<Record<string, CollectionDefinition<any>>>

/** What one event may do: everything it writes commits together with the mark that it was applied. Reads nothing else, calls nobody. */
export interface ProjectionContext<Table extends string = string, Documents extends Collections = Collections> {
  /** The names of this generation's tables, as pieces of SQL. */
  readonly tables: Readonly<Record<Table, Statement>>
  /** This generation's documents. What is read is expected to be unchanged at the commit; where it is not, the event is applied anew. */
  readonly documents: { readonly [Name in keyof Documents]: WritableCollection<ValueOf<Documents[Name]>> }
  /** Joins SQL to the unit. Nothing runs yet. */
  readonly write: (statement: Statement) => void
}

export type ValueOf<Collection> = Collection extends CollectionDefinition<infer Value> ? Value : never

/** Says what events of these types change. */
export interface ProjectionOn<Table extends string, Documents extends Collections> {
  <Data>(
    definition: DefinitionOf<Data>,
    apply: (event: Event<Data>, context: ProjectionContext<Table, Documents>) => unknown,
  ): ProjectionHandler<Table, Documents>
  <Definitions extends readonly AnyEventDefinition[]>(
    definitions: Definitions,
    apply: (event: Event<DataOf<Definitions[number]>>, context: ProjectionContext<Table, Documents>) => unknown,
  ): ProjectionHandler<Table, Documents>
}

/** What `on` has made: which events, and what they change. */
export interface ProjectionHandler<Table extends string = string, Documents extends Collections = Collections> {
  readonly definitions: readonly AnyEventDefinition[]
  readonly apply: (event: Event<never>, context: ProjectionContext<Table, Documents>) => unknown
}

export interface ProjectionOptions<Table extends string, Documents extends Collections> {
  /**
   * Raise it with every change of what the projection makes of events: a whole number from 1. A new one is built from the beginning of the log beside the
   * old one, which readers go on seeing until the switch. A change that is not told so is refused where it can be seen.
   */
  readonly version: number
  /** Columns and constraints by the name readers use: `orders: sql`(id text primary key, total numeric)``. Each generation gets tables of its own; readers see a view of that name. SQL stores only. */
  readonly tables?: Readonly<Record<Table, Statement>>
  /** Columns to index, in parentheses, by table: `orders: [sql`(customer_id)`]`. */
  readonly indexes?: Readonly<Partial<Record<NoInfer<Table>, readonly Statement[]>>>
  /** Collections of documents, on every store. */
  readonly documents?: Documents
  /** What events change: `on: (on) => [on(OrderPlaced, (event, { write, tables }) => …)]`. Each type once. */
  readonly on: (
    on: ProjectionOn<NoInfer<Table>, NoInfer<Documents>>,
  ) => readonly ProjectionHandler<NoInfer<Table>, NoInfer<Documents>>[]
  /**
   * `stream`: events of one stream one after another, streams in parallel. `all`: in the order of the log, one at a time; slow, for rows that events of
   * several streams change in ways whose order counts. Default `stream`.
   */
  readonly order?: 'stream' | 'all'
  /**
   * `asynchronous`: events are applied after their commit, by whichever process has their partition. `same-commit`: `publish`, `bus.transaction` and `decide` of a
   * process that uses the projection apply them in the commit that stores them, or fail with it: whoever sees the event sees the row, and what the tables or a
   * handler refuse is not published. A publish then waits until what stands before it in its stream is applied, and while generations are switched, at most
   * until its deadline (`TIDINGS_PROJECTION_BEHIND`); a transaction does not wait, and fails so at once. What comes to the log on other ways (other processes,
   * handlers, sagas, timers, brokers, imports) is applied after its commit, and so is everything until a projection that is new to an old log has come up for
   * the first time. Part of what a version may not change. Default `asynchronous`.
   */
  readonly mode?: 'asynchronous' | 'same-commit'
  /** After the last attempt: `park` the event and hold its stream, `skip` it with a record, or `halt` the generation until an operator resumes it. Default `park`. */
  readonly onPoison?: 'park' | 'skip' | 'halt'
  /** How often an event is tried that could not be applied; as for subscriptions. */
  readonly retry?: RetryOptions
  /** Most events taken in advance, and with that most that one commit applies. Default 2,000, at most 10,000. */
  readonly window?: number
  /** Whether a new generation that has caught up, and passed its check, is switched to by itself. Default `auto`. */
  readonly switch?: 'auto' | 'manual'
  /**
   * Compares a generation of a new version with the live one, both at the same position, and says why readers must not see it; undefined or true: they may.
   * Generations of the same version need none: they are compared row by row.
   */
  readonly check?: (input: CheckInput<NoInfer<Table>, NoInfer<Documents>>) => CheckAnswer | Promise<CheckAnswer>
  /** How long the old generation is kept, and fed, after a switch, so that it can be rolled back to. Default '1d'. */
  readonly keep?: Duration
  /** Takes away what came of one stream, so that `rebuildStream` can apply its events again in the same commit. */
  readonly forget?: (stream: StreamName, context: ProjectionContext<NoInfer<Table>, NoInfer<Documents>>) => unknown
  /** Says that some of its events leave the log by their retention and that a rebuild may lack them. Default: such events are refused. */
  readonly lossy?: boolean
}

export type CheckAnswer = string | boolean | undefined | void

/** A read model that events keep: brought along by `bus.use`. */
export interface Projection<Table extends string = string, Documents extends Collections = Collections>
  extends Attachment {
  readonly settings: ProjectionSettings
  /** The projection on a bus that uses it: where to read, and what to wait for. Throws `TIDINGS_NOT_FOUND` for another bus. */
  of(bus: EventBus): ProjectionHandle<Table, Documents>
}

/**
 * A read model: what events change in tables or documents. It begins at the beginning of the log. Throws `TIDINGS_INVALID_OPTION` with everything that is
 * wrong with the options.
 */
export function defineProjection<
  const Table extends string = never,
  const Documents extends Collections = Record<never, never>,
>(name: string, options: ProjectionOptions<Table, Documents>): Projection<Table, Documents> {
  const settings = projectionSettings(
    name,
    options as unknown as ProjectionOptions<string, Collections>,
    on as ProjectionOn<string, Collections>,
  )
  const projection: Projection<Table, Documents> = {
    name: `projection ${name}`,
    settings,
    attach: (bus) => attachProjection(bus, projection),
    of: (bus) => handleOf(bus, projection) as unknown as ProjectionHandle<Table, Documents>,
  }
  return Object.freeze(projection)
}

function on(
  to: AnyEventDefinition | readonly AnyEventDefinition[],
  apply: (event: Event<never>, context: ProjectionContext) => unknown,
): ProjectionHandler {
  return Object.freeze({ definitions: Array.isArray(to) ? [...to] : [to as AnyEventDefinition], apply })
}
