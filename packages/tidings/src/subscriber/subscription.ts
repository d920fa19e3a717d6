import type { AnyEventDefinition } from '../events/define-event.ts'
import type { Event } from '../events/event.ts'
import type { EventRecord } from '../events/record.ts'
import { typePattern } from '../events/type-pattern.ts'
import { Mistakes } from '../kernel/mistakes.ts'
import type { HandlerContext } from './handler-context.ts'
import type { SubscriptionSettings } from './subscribe-options.ts'

export type Handler<Data = unknown> = (event: Event<Data>, context: HandlerContext) => unknown

/** What handlers in a replay may do that others would notice. */
export interface ReplayAllowance {
  /** Whether `effect` calls what has no record yet. */
  readonly effects: boolean
  /** Whether what they publish is published. */
  readonly publishes: boolean
}

/** A named reader, as its owner declared it. */
export interface Subscription {
  readonly settings: SubscriptionSettings
  /** Type names and wildcards, sorted; what registration compares. */
  readonly patterns: readonly string[]
  /** Definitions by type, of those that were given as definitions. */
  readonly definitions: ReadonlyMap<string, AnyEventDefinition>
  readonly handler: Handler<never>
  /** Which pass over history this is; 0 is live. */
  readonly run: number
  /** What a replay may do beyond its own unit. Default: neither. */
  readonly allowance?: ReplayAllowance
  /** The last position of a replay, inclusive; undefined: there is no end. */
  readonly upTo?: number
  /** Whether it hears events of this type; of whatever else it goes by, only where the event itself is at hand. */
  matches(type: string, record?: EventRecord): boolean
}

/** Which types, by definitions, names, or wildcards (`*` one segment, `**` the rest). */
export type SubscribeTo = AnyEventDefinition | string | readonly (AnyEventDefinition | string)[]

/** What is wrong with what somebody wants to hear and how, as sentences; empty when it is sound. */
export function targetMistakes(to: unknown, handler: unknown): readonly string[] {
  const mistakes = new Mistakes()
  const all: readonly unknown[] = Array.isArray(to) ? to : [to]
  mistakes.expect(all.length > 0, 'at least one event type to subscribe to')
  for (const one of all) {
    const type: unknown = typeof one === 'object' && one !== null ? (one as { type?: unknown }).type : one
    mistakes.expect(typeof type === 'string', 'definitions or names of event types to subscribe to', one)
    if (typeof type === 'string') mistakes.read(() => void typePattern(type), undefined)
  }
  mistakes.expect(typeof handler === 'function', '`handler` to be a function', handler)
  return mistakes.found
}

export function subscriptionOf(
  to: SubscribeTo,
  settings: SubscriptionSettings,
  handler: Handler<never>,
  run = 0,
): Subscription {
  const all = (Array.isArray(to) ? to : [to]) as readonly (AnyEventDefinition | string)[]
  const definitions = new Map<string, AnyEventDefinition>()
  for (const one of all) if (typeof one !== 'string') definitions.set(one.type, one)
  const patterns = [...new Set(all.map((one) => (typeof one === 'string' ? one : one.type)))].sort()
  const tests = patterns.map((pattern) => typePattern(pattern))
  // Types are few and come again and again: each is matched once.
  const known = new Map<string, boolean>()
  return {
    settings,
    patterns,
    definitions,
    handler,
    run,
    matches(type) {
      let match = known.get(type)
      if (match === undefined) {
        match = tests.some((test) => test(type))
        if (known.size < 10_000) known.set(type, match)
      }
      return match
    },
  }
}

/** How the documents of one pass are named: `name/run`. */
export function runName(subscription: { readonly settings: { readonly name: string }; readonly run: number }): string {
  return `${subscription.settings.name}/${subscription.run}`
}
