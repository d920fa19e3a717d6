import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'

import { nameGuard } from '../kernel/mistakes.ts'
import { contextNames } from './context-names.ts'
import { contextAsGiven, type Event, type EventContext } from './event.ts'

const storage = new AsyncLocalStorage<EventContext>()

const refuseUnknown = nameGuard(contextNames)

/**
 * Runs `run` in a context that every event published inside takes over, also across awaits, timers and callbacks. Laid over the context that
 * already surrounds it: what is named wins, the rest is inherited. Throws `TIDINGS_INVALID_OPTION` for a name that there is none of; values are checked when an
 * event is published.
 */
export function runWithContext<Result>(context: EventContext, run: () => Result): Result {
  refuseUnknown('Cannot surround events with this context', context)
  const outer = storage.getStore()
  return storage.run(outer === undefined ? context : { ...membersOf(outer), ...membersOf(context) }, run)
}

/**
 * Runs a handler of `event`: what it publishes belongs to the same tenant, user and correlation, and names `event` as its cause. All else that
 * surrounds the caller surrounds the handler.
 */
export function runCausedBy<Args extends unknown[], Result>(
  event: Event<unknown>,
  run: (...args: Args) => Result,
  ...args: Args
): Result {
  return handlerScope()(event, run, ...args)
}

/** Runs handlers as `runCausedBy` does, but in surroundings of its own; see `handlerScope`. */
export type HandlerScope = <Args extends unknown[], Result>(
  event: Event<unknown>,
  run: (...args: Args) => Result,
  ...args: Args
) => Result

/**
 * Keeps what surrounds the caller now (the storages of tracers, loggers, database sessions), for handlers that run later in whosever turn:
 * events that travel together must not see each other's requests.
 */
export function handlerScope(): HandlerScope {
  // `run` of the storage would copy all storages twice for each event, once to change them and once to change them back.
  const surroundings = new AsyncResource('TidingsHandler')
  return (event, run, ...args) => surroundings.runInAsyncScope(enter, undefined, event, run, args) as never
}

function enter<Args extends unknown[], Result>(
  event: Event<unknown>,
  run: (...args: Args) => Result,
  args: Args,
): Result {
  storage.enterWith(causedBy(event))
  return run(...args)
}

/** Runs `run` as if nothing surrounded it, for work that outlives the request that started it. */
export function runWithoutContext<Result>(run: () => Result): Result {
  return storage.exit(run)
}

/** What surrounds the caller; undefined where nothing does. */
export function currentContext(): EventContext | undefined {
  return storage.getStore()
}

/**
 * The context of whatever follows from `event`. Read its members by name: most handlers publish nothing, so the event's id is not drawn
 * before somebody asks for correlation or cause, and a spread sees none of them.
 */
export function causedBy(event: Event<unknown>): EventContext {
  return new Caused(event) as unknown as EventContext
}

/** The members as plain data, those that are absent left out. */
function membersOf(context: EventContext): EventContext {
  if (!(context instanceof Caused)) return context
  const members: Record<string, unknown> = {}
  for (const name of names) {
    const value = context[name]
    if (value !== undefined) members[name] = value
  }
  return members
}

const names = [
  'tenantId',
  'userId',
  'sessionId',
  'locationId',
  'actor',
  'correlationId',
  'causationId',
  'traceparent',
  'tracestate',
  'business',
] as const satisfies readonly (keyof EventContext)[]

class Caused implements Record<(typeof names)[number], unknown> {
  readonly #event: Event<unknown>

  constructor(event: Event<unknown>) {
    this.#event = event
  }

  get tenantId(): string | undefined {
    return contextAsGiven(this.#event).tenantId
  }

  get userId(): string | undefined {
    return contextAsGiven(this.#event).userId
  }

  get sessionId(): string | undefined {
    return contextAsGiven(this.#event).sessionId
  }

  get locationId(): string | undefined {
    return contextAsGiven(this.#event).locationId
  }

  get actor(): string | undefined {
    return contextAsGiven(this.#event).actor
  }

  get correlationId(): string {
    return contextAsGiven(this.#event).correlationId ?? this.#event.id
  }

  get causationId(): string {
    return this.#event.id
  }

  get traceparent(): string | undefined {
    return contextAsGiven(this.#event).traceparent
  }

  get tracestate(): string | undefined {
    return contextAsGiven(this.#event).tracestate
  }

  get business(): EventContext['business'] {
    return contextAsGiven(this.#event).business
  }
}
