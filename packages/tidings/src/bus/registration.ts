import { TidingsError } from '../kernel/errors.ts'
import type { Runtime } from '../kernel/runtime.ts'
import type { Position, Store } from '../store/store.ts'
import type { SubscriptionSettings } from '../subscriber/subscribe-options.ts'
import type { Subscription } from '../subscriber/subscription.ts'

export const subscriptionsCollection = 'subscriptions'

/** What is remembered of a subscription for good. */
export interface Registration {
  readonly name: string
  readonly patterns: readonly string[]
  readonly order: SubscriptionSettings['order']
  readonly mode: SubscriptionSettings['mode']
  readonly run: number
  /** Partitions without a checkpoint begin after this position. */
  readonly start: Position
  readonly registeredAt: number
  /** Of the relay: whose events it hands over. */
  readonly source?: string
}

/**
 * Registers a subscription, or checks it against what was registered under its name. Rejects with `TIDINGS_SUBSCRIPTION_CHANGED` when types or order
 * differ and the subscription does not accept that: silently hearing other events, or in another order, is how history gets lost.
 */
export async function register(
  store: Store,
  runtime: Runtime,
  subscription: Subscription,
  source?: string,
): Promise<Registration> {
  const { settings, patterns, run } = subscription
  for (;;) {
    const [document] = await store.find(subscriptionsCollection, { id: settings.name })
    const known = document === undefined ? undefined : (JSON.parse(document.body) as Registration)
    if (known !== undefined && isSame(known, subscription)) return known
    if (known !== undefined && settings.onChange === 'refuse') throw changed(known, subscription)
    const registration: Registration = {
      name: settings.name,
      patterns,
      order: settings.order,
      mode: settings.mode,
      run,
      start: known?.start ?? (await startOf(store, settings.from)),
      registeredAt: known?.registeredAt ?? runtime.now(),
      ...(source === undefined ? {} : { source }),
    }
    const [result] = await store.commit([
      {
        expect: [{ collection: subscriptionsCollection, id: settings.name, version: document?.version ?? 0 }],
        documents: [{ collection: subscriptionsCollection, id: settings.name, put: JSON.stringify(registration) }],
      },
    ])
    if (result?.status === 'committed') return registration
    if (result?.status === 'refused') throw result.error
  }
}

/** The position after which a new subscription begins. */
export async function startOf(store: Store, from: SubscriptionSettings['from']): Promise<Position> {
  if (from === 'beginning') return 0
  if (typeof from === 'number') return from
  if (from instanceof Date) {
    const { events } = await store.readAll({ after: 0, limit: 1, from: from.getTime() })
    if (events[0] !== undefined) return events[0].position - 1
  }
  return headOf(store)
}

export async function headOf(store: Store): Promise<Position> {
  return (await store.readAll({ after: 0, limit: 1, types: [] })).through
}

function isSame(known: Registration, { settings, patterns }: Subscription): boolean {
  return (
    known.order === settings.order &&
    known.patterns.length === patterns.length &&
    known.patterns.every((pattern, at) => pattern === patterns[at])
  )
}

function changed(known: Registration, { settings, patterns }: Subscription): TidingsError {
  return new TidingsError(
    'TIDINGS_SUBSCRIPTION_CHANGED',
    `Subscription ${settings.name} is registered for ${known.patterns.join(', ')} in order '${known.order}', now it asks for ${patterns.join(', ')} in order '${settings.order}'. ` +
      "Give it another name, or say `onChange: 'accept'`: it then goes on from where it stands.",
    {
      details: {
        name: settings.name,
        registered: known.patterns,
        asked: patterns,
        registeredOrder: known.order,
        askedOrder: settings.order,
      },
    },
  )
}
