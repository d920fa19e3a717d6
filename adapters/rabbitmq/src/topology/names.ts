import { TidingsError } from 'tidings/spi'

/** Longest name of an exchange, a queue or a routing key, in bytes: AMQP writes its length in one byte. */
const longest = 255

/** What everybody under one prefix shares. */
export interface Names {
  /** The topic exchange that every event is published to, with the key `<partition>.<topic>`. */
  readonly events: string
  /** The exchange over which members of groups speak with each other. */
  readonly groups: string
  /** A queue that nobody uses: how many messages it may hold says how many partitions there are. */
  readonly partitions: string
}

export function namesOf(prefix: string): Names {
  return { events: `${prefix}events`, groups: `${prefix}groups`, partitions: `${prefix}partitions` }
}

/** What belongs to one group. */
export interface GroupNames {
  readonly group: string
  /** The queue of each partition. */
  readonly queues: readonly string[]
  /** Between the events and the queues: it is bound to the events for each topic of the group, and to each queue for its partition. */
  readonly topics: string
  /** Stands in for `topics` while that is made anew. */
  readonly nextTopics: string
  /** Where the broker puts what it will not deliver any more. */
  readonly dead: string
  /** Exclusive: whoever has it may change the above. */
  readonly lock: string
  /** The queue on which a member hears from the others. */
  member(id: string): string
  /** A queue that is there for a moment: made after all others, it has the broker write those down. */
  last(id: string): string
}

/** Throws TIDINGS_INVALID_OPTION where no names can be made of the group's. */
export function groupNamesOf(prefix: string, group: string, partitions: number): GroupNames {
  const whole = `${prefix}${group}`
  // A member's queue has the longest name: it ends in a UUID.
  const fine = typeof group === 'string' && group !== '' && !/\p{Cc}/u.test(group) && Buffer.byteLength(whole) <= 200
  if (!fine || whole.startsWith('amq.')) {
    throw new TidingsError(
      'TIDINGS_INVALID_OPTION',
      'Expected `group` to be text without control characters that, with the prefix before it, has 1 to 200 bytes and does not begin with amq.',
      { details: { field: 'group' } },
    )
  }
  return {
    group,
    queues: Array.from({ length: partitions }, (_, partition) => `${whole}.${partition}`),
    topics: `${whole}.topics`,
    nextTopics: `${whole}.topics.next`,
    dead: `${whole}.dead`,
    lock: `${whole}.lock`,
    member: (id) => `${whole}.member.${id}`,
    last: (id) => `${whole}.last.${id}`,
  }
}

/** `3.order`: by which events of a topic reach a partition. Undefined where it would be too long. */
export function routingKey(partition: number, topic: string): string | undefined {
  const key = `${partition}.${topic}`
  return key.length * 3 <= longest || Buffer.byteLength(key) <= longest ? key : undefined
}

/** How a topic is asked for; throws TIDINGS_INVALID_OPTION for text that RabbitMQ would read as a pattern, or cannot hold. */
export function bindingOf(topic: string): string {
  const fine =
    typeof topic === 'string' &&
    topic !== '' &&
    !topic.split('.').some((word) => word === '*' || word === '#') &&
    routingKey(999, topic) !== undefined
  if (!fine) {
    throw new TidingsError(
      'TIDINGS_INVALID_OPTION',
      'Expected each of `topics` to be 1 to 250 bytes of text in which neither * nor # is a word by itself.',
      { details: { field: 'topics' } },
    )
  }
  return `*.${topic}`
}

/** Asks for every topic. */
export const everyTopic = '#'
