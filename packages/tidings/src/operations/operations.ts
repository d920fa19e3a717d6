import type { Routed } from '../bridge/route.ts'
import { partsOf } from '../bus/bus-parts.ts'
import type { EventBus } from '../bus/event-bus.ts'
import type { AnyEventDefinition } from '../events/define-event.ts'
import type { EventRecord } from '../events/record.ts'
import { realRuntime } from '../kernel/real-runtime.ts'
import type { Runtime } from '../kernel/runtime.ts'
import { type FollowReplayOptions, followReplay } from '../replay/follow-replay.ts'
import { cancelReplay, type ReplayProgress, replayProgress } from '../replay/replay-progress.ts'
import type { ReplayRequest } from '../replay/replay-request.ts'
import { previewReplay, type ReplayCount, requestReplay } from '../replay/request-replay.ts'
import type { Store, StoredEvent } from '../store/store.ts'
import type { EngineStatus } from '../subscriber/engine-status.ts'
import type { ReplayRun } from '../subscriber/replay-run.ts'
import { type Asked, type AskOptions, askOwners } from './ask-owners.ts'
import { type AuditEntry, type AuditQuery, auditChange, auditTrail, checkedBy } from './audit.ts'
import { type EventQuery, searchEvents } from './event-query.ts'
import { type Explanation, explain } from './explain.ts'
import { type FollowEventsOptions, followEvents } from './follow-events.ts'
import { type FollowOptions, type FollowProgress, followRequests } from './follow-requests.ts'
import { type ImportLine, type ImportOptions, type ImportProgress, importEvents } from './import-events.ts'
import { type OverviewOptions, type OverviewParts, overviewOf, type SubscriptionOverview } from './overview.ts'
import { ownershipWatch } from './owners.ts'
import type { ParkedFilter } from './parked-filter.ts'
import { groupParked, listParked, type ParkedGroups, type ParkedPage, type ParkedQuery } from './parked-listing.ts'
import { type ProjectionOperations, projectionOperations } from './projections.ts'
import { type RampOptions, type RampStep, rampedRedrive } from './ramped-redrive.ts'
import { type Resumed, type ResumeOptions, resumeSubscription } from './resume-subscription.ts'
import { type SagaOperations, sagaOperations } from './saga-operations.ts'
import { type ParkedDetail, type ShowOptions, showParked } from './show-parked.ts'
import { type EventView, viewEvent } from './shown-event.ts'
import { type Status, statusOf } from './status.ts'
import {
  type ScheduleOperations,
  scheduleOperations,
  type TimerOperations,
  timerOperations,
} from './timer-operations.ts'

/**
 * Everything an operator can ask and do, as data in and data out: the command line, the console and HTTP are faces of it. It reads the store's
 * documents, so it tells of all processes that share the store, whichever process asks. What it wants done it asks of the owners by documents.
 */
export interface Operations {
  /** Sagas: what deserves a look, and what to do about it. */
  readonly sagas: SagaOperations
  /** Events that are published later, and timers of sagas. */
  readonly timers: TimerOperations
  /** What is published at times of a wall clock. */
  readonly schedules: ScheduleOperations
  readonly parked: ParkedOperations
  readonly replays: ReplayOperations
  readonly projections: ProjectionOperations
  readonly events: {
    /** The log up to its present end, filtered, in commit order and bounded memory. */
    search(
      query?: EventQuery & { readonly after?: number | undefined; readonly limit?: number | undefined },
    ): AsyncIterable<StoredEvent>
    /** Events as they are committed, until the signal aborts. */
    follow(options?: FollowEventsOptions): AsyncIterable<StoredEvent>
    /** Stores CloudEvents, one JSON object a line; each wrong line is refused by itself. */
    import(lines: AsyncIterable<ImportLine>, options?: ImportOptions): AsyncIterable<ImportProgress>
    /** One of these for people: decoded, sensitive values masked; what is broken is told instead of thrown. */
    view(stored: StoredEvent): EventView
  }
  /** All registered subscriptions, with positions, what waits, what is parked, and who looks after them. */
  subscriptions(options?: OverviewOptions): Promise<readonly SubscriptionOverview[]>
  /**
   * Lets a subscription go on that has halted (`onPoison: 'halt'`), in every process that runs it: the event is tried again with all its attempts.
   * Asks, and waits for the owners' answers.
   */
  resume(subscription: string, options?: ResumeOptions): Promise<Resumed>
  /** Which subscriptions have to do with an event, which do not and why, and where it is for each. */
  explain(eventId: string): Promise<readonly Explanation[]>
  /** How things stand, in one answer, with what deserves a look. */
  status(options?: OverviewOptions): Promise<Status>
  /** What operators did, oldest first. */
  audit(query?: AuditQuery): Promise<readonly AuditEntry[]>
}

export interface ParkedOperations {
  list(query?: ParkedQuery): Promise<ParkedPage>
  /** Counts by the fingerprint of the failure. */
  groups(filter?: ParkedFilter): Promise<ParkedGroups>
  /** By id; the event with sensitive values masked unless `reveal` is asked, which the audit keeps. */
  show(id: string, options?: ShowOptions): Promise<ParkedDetail>
  /** Lets parked events run again. Asks; the owners carry it out, once. */
  redrive(filter: ParkedFilter, options?: AskOptions): Promise<Asked>
  /** The same a few at a time, stopping by itself when they fail again. */
  ramp(filter: ParkedFilter, options?: RampOptions): AsyncIterable<RampStep>
  /** Gives parked events up for good. Asks; the owners carry it out, once. */
  drop(filter: ParkedFilter, options?: AskOptions): Promise<Asked>
  /** What becomes of requests. */
  follow(requests: readonly string[], options?: FollowOptions): AsyncIterable<FollowProgress>
}

/** Which replay: the `subscription` and `run` that `start` has answered. */
export type ReplayName = Pick<ReplayRun, 'subscription' | 'run'>

export interface ReplayOperations {
  /** Counts what would be handled; changes nothing. */
  preview(request: ReplayRequest): Promise<ReplayCount>
  /** Asks for it; the process that runs the subscription carries it out. Leaves an entry in the audit. */
  start(request: ReplayRequest): Promise<ReplayRun>
  progress(replay: ReplayName): Promise<ReplayProgress>
  /** How it goes on, until it has an end. */
  follow(replay: ReplayName, options?: FollowReplayOptions): AsyncIterable<ReplayProgress>
  /**
   * Ends it before its end, and what it has parked goes with it; so does what one that is done has still parked. False where it had ended already, and
   * nothing was left of it.
   */
  cancel(replay: ReplayName): Promise<boolean>
}

export interface OperationsOptions {
  /** Default: the system's clock and random numbers. */
  readonly runtime?: Runtime
  /** Definitions, so that their sensitive fields are known. */
  readonly events?: readonly AnyEventDefinition[]
}

/** For a program that runs a bus; it also tells what this process alone knows. */
export function operationsOf(bus: EventBus, options: Pick<OperationsOptions, 'events'> = {}): Operations {
  const { store, runtime, engines, declared, bridge } = partsOf(bus)
  const given = new Map((options.events ?? []).map((definition) => [definition.type, definition]))
  const definition = (type: string): AnyEventDefinition | undefined =>
    given.get(type) ?? declared.find((subscription) => subscription.definitions.has(type))?.definitions.get(type)
  return make({
    store,
    runtime,
    definition,
    here: (name) => engines.get(name)?.status(),
    ...(bridge === undefined ? {} : { routeOf: (record: EventRecord) => bridge.routeOf(record) }),
  })
}

/** For a program that has the store alone. Leaves the store open. */
export function operationsOn(store: Store, options: OperationsOptions = {}): Operations {
  const given = new Map((options.events ?? []).map((definition) => [definition.type, definition]))
  return make({
    store,
    runtime: options.runtime ?? realRuntime(),
    definition: (type) => given.get(type),
    here: () => undefined,
  })
}

function make(given: {
  readonly store: Store
  readonly runtime: Runtime
  definition(type: string): AnyEventDefinition | undefined
  here(name: string): EngineStatus | undefined
  readonly routeOf?: (record: EventRecord) => Routed | undefined
}): Operations {
  const { store, runtime } = given
  const look = ownershipWatch(store, runtime)
  const parts: OverviewParts & typeof given = { ...given, look }
  const served = async (subscription: string): Promise<boolean> =>
    (await look()).instances.some(
      ({ alive, groups }) => alive && groups.some((group) => group.startsWith(`${subscription}/`)),
    )
  const redrive: ParkedOperations['redrive'] = (filter, options) =>
    askOwners(store, runtime, 'redrive', filter, options)
  const follow: ParkedOperations['follow'] = (requests, options) =>
    followRequests(store, runtime, look, requests, options)
  return {
    sagas: sagaOperations(store, runtime),
    timers: timerOperations(store, runtime),
    schedules: scheduleOperations(store, runtime),
    parked: {
      list: (query) => listParked(store, query),
      groups: (filter) => groupParked(store, filter),
      show: (id, options) => showParked(parts, id, options),
      redrive,
      ramp: (filter, options) => rampedRedrive({ redrive, follow }, filter, options),
      drop: (filter, options) => askOwners(store, runtime, 'drop', filter, options),
      follow,
    },
    replays: {
      preview: (request) => previewReplay(store, request),
      start: (request) => startReplay(store, runtime, request),
      progress: (replay) => replayProgress(store, replay),
      follow: (replay, options) => followReplay(store, runtime, replay, options, served),
      cancel: (replay) => cancelReplay(store, runtime, replay),
    },
    projections: projectionOperations(store, runtime),
    events: {
      search: (query) => searchEvents(store, query),
      follow: (options) => followEvents(store, runtime, options),
      import: (lines, options) => importEvents(store, runtime, lines, options),
      view: (stored) => viewEvent(stored, given.definition(stored.record.type)),
    },
    subscriptions: (options) => overviewOf(parts, options),
    resume: (subscription, options) => resumeSubscription(store, runtime, subscription, options),
    explain: (eventId) => explain(parts, eventId),
    status: (options) => statusOf(parts, options),
    audit: (query) => auditTrail(store, query),
  }
}

async function startReplay(store: Store, runtime: Runtime, request: ReplayRequest): Promise<ReplayRun> {
  const by = checkedBy(request.by ?? 'operator')
  const run = await requestReplay(store, runtime, { ...request, by })
  const { state: _state, by: _by, at, asked: _asked, count, ...filter } = run
  const [result] = await store.commit([
    {
      documents: [
        auditChange({
          id: runtime.id(),
          at,
          by,
          action: 'replay',
          filter,
          ...(count === undefined ? {} : { matched: count }),
        }),
      ],
    },
  ])
  if (result?.status === 'refused') throw result.error
  return run
}
