import { isInternal } from '../events/type-pattern.ts'
import type { Subscription } from '../subscriber/subscription.ts'

/**
 * The categories that subscriptions want to hear. `all` as soon as one of them names a type without its definition, or a wildcard: nobody here
 * knows the categories of those.
 */
export function topicsOf(subscriptions: readonly Subscription[]): ReadonlySet<string> | 'all' {
  const topics = new Set<string>()
  for (const { patterns, definitions } of subscriptions) {
    for (const pattern of patterns) {
      // What the library publishes for itself never travels.
      if (isInternal(pattern)) continue
      const definition = definitions.get(pattern)
      if (definition === undefined) return 'all'
      topics.add(definition.category)
    }
  }
  return topics
}
