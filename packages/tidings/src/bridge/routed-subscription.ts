import type { Event } from '../events/event.ts'
import type { Subscription } from '../subscriber/subscription.ts'

/** The subscription, passing over what is routed past it. What it passes over counts as handled, as with any filter. */
export function routedSubscription(
  subscription: Subscription,
  hears: ((event: Event<unknown>) => boolean) | undefined,
): Subscription {
  if (hears === undefined) return subscription
  const { filter } = subscription.settings
  return {
    ...subscription,
    settings: {
      ...subscription.settings,
      filter: (event) => hears(event) && (filter === undefined || filter(event)),
    },
  }
}
