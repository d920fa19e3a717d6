import { TidingsError } from 'tidings/spi'

/** The topic of a category: the prefix and its name. Throws where Kafka knows no topics of such a name. */
export function topicOf(prefix: string, category: string): string {
  const topic = prefix + category
  if (/^[A-Za-z0-9._-]{1,249}$/.test(topic) && topic !== '.' && topic !== '..') return topic
  throw new TidingsError(
    'TIDINGS_INVALID_EVENT',
    'The `category` of an event must make a Kafka topic: with the prefix at most 249 letters, digits, dots, hyphens and underscores.',
    { details: { field: 'category', category: category.slice(0, 80) } },
  )
}

/** Whether a topic belongs to those that share a prefix; topics that brokers keep for themselves never do. */
export function isTopicOf(prefix: string, topic: string): boolean {
  return topic.startsWith(prefix) && topic.length > prefix.length && !topic.startsWith('__')
}
