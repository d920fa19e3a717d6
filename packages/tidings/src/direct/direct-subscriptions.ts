import { hash } from 'node:crypto'

import { topicsOf } from '../bridge/topics.ts'
import { TidingsError } from '../kernel/errors.ts'
import {
  type SubscribeOptions,
  type SubscriptionSettings,
  subscriptionSettings,
} from '../subscriber/subscribe-options.ts'
import { runName, type Subscription } from '../subscriber/subscription.ts'
import type { Hearing } from './direct-transport.ts'

/** A subscription's settings without a store. Throws `TIDINGS_NOT_SUPPORTED` for what must be remembered. */
export function directSettings(options: SubscribeOptions, known: readonly string[]): SubscriptionSettings {
  const refuse = (field: string, why: string): never => {
    throw new TidingsError('TIDINGS_NOT_SUPPORTED', `\`${field}\` needs a store: ${why}.`, { details: { field } })
  }
  if (options.onPoison === 'park')
    refuse('onPoison', 'without one an event is skipped after its last attempt, or halts')
  if (options.order === 'all') refuse('order', 'without one nothing can be strictly one at a time over all instances')
  if (typeof options.from === 'number' || options.from instanceof Date)
    refuse('from', "without one a subscription begins at the 'head' or at the 'beginning' of what the broker keeps")
  const settings = subscriptionSettings({ ...options, onPoison: options.onPoison ?? 'skip' }, known)
  // Where nothing can be parked, every retry waits in its lane.
  return { ...settings, parkAbove: Number.POSITIVE_INFINITY }
}

/** Names may hold colons, groups may not; and no two names may share a group. */
function groupPart(name: string): string {
  return name.includes(':') ? `${name.replaceAll(':', '-')}.${hash('sha256', name, 'hex').slice(0, 8)}` : name
}

/** How the subscription that an engine names is known to the broker: each is a group of the service. */
export function directHearing(group: string, declared: readonly Subscription[], name: string): Hearing {
  const subscription = declared.find((one) => runName(one) === name)
  if (subscription === undefined)
    throw new TidingsError('TIDINGS_NOT_SUPPORTED', 'Replay needs a store: a broker alone does not remember.')
  const topics = topicsOf([subscription])
  return {
    group: `${group}.${groupPart(subscription.settings.name)}`,
    topics: topics === 'all' ? undefined : [...topics].sort(),
    start: subscription.settings.from === 'beginning' ? 'beginning' : 'end',
  }
}
