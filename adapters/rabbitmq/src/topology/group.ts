import type { Channel } from 'rabbitmq-client'
import type { Host } from 'tidings/spi'

import type { Link } from '../connection/link.ts'
import { underLock } from './lock.ts'
import { bindingOf, everyTopic, type GroupNames, type Names } from './names.ts'

/** How long others may be at work on the same group, in milliseconds. */
const patience = 10_000

/** Never reached: how often an event comes again is for the engine to say. Named since newer brokers put a limit of 20 where none is. */
const deliveries = 2_147_483_647

/** How often it is looked whether those that RabbitMQ counts, and that do not answer, have gone. */
const looks = 10

/** When a queue that was made for a moment goes by itself, should nobody have taken it away, in milliseconds. */
const forgottenAfter = 60_000

export interface GroupParts {
  readonly link: Link
  readonly host: Host
  readonly names: Names
  readonly group: GroupNames
  /** Undefined: all. */
  readonly topics: readonly string[] | undefined
  /** Ends the wait for others who are at work on the group. */
  readonly signal: AbortSignal
}

/** What a member does on its way into a group. */
export interface Entrance {
  /** Begins to hear the others. */
  listen(): Promise<void>
  /** Whether one of them answers soon. */
  ask(): Promise<boolean>
  /** Begins to listen to the queues; `dead` messages lie with the dead. */
  join(dead: number): Promise<void>
}

/**
 * Makes what a group needs at the broker and joins it, before anybody else may change it. Where nobody is in the group and `fresh` says that this is
 * a new member, the group is bound to these topics and no others; else to these, too: the others may want what they have. Resolves with whether
 * somebody else is there.
 */
export function enterGroup(parts: GroupParts, fresh: boolean, entrance: Entrance): Promise<boolean> {
  const { link, host, group, signal } = parts
  return underLock(link, group.lock, host, { patience, signal }, async (locked) => {
    const channel = await link.acquire()
    try {
      const dead = await declareDead(channel, group)
      let others = await declareQueues(channel, group)
      await makeLasting(channel, group, host)
      await entrance.listen()
      // RabbitMQ counts who has just left for a moment longer.
      for (let look = 1; others && look < looks && !(await entrance.ask()); look++)
        others = await declareQueues(channel, group)
      if (fresh && locked && !others) await renewTopics(channel, parts)
      else await addTopics(channel, parts, group.topics)
      await entrance.join(dead)
      return others
    } finally {
      await channel.close()
    }
  })
}

/** How many messages lie with the dead. */
async function declareDead(channel: Channel, { dead }: GroupNames): Promise<number> {
  const { messageCount } = await channel.queueDeclare({
    queue: dead,
    durable: true,
    arguments: { 'x-queue-type': 'quorum' },
  })
  return messageCount
}

/** Whether somebody listens to one of the queues. Of several listeners RabbitMQ counts the active one. */
async function declareQueues(channel: Channel, group: GroupNames): Promise<boolean> {
  let others = false
  for (const queue of group.queues) {
    const { consumerCount } = await channel.queueDeclare({
      queue,
      durable: true,
      arguments: {
        'x-queue-type': 'quorum',
        'x-single-active-consumer': true,
        'x-delivery-limit': deliveries,
        // What a policy of the operator's removes (a limit, a time to live) is kept with the dead: it is moved there with confirms,
        // which in turn needs that a full queue refuses what comes rather than dropping what it has.
        'x-dead-letter-exchange': '',
        'x-dead-letter-routing-key': group.dead,
        'x-dead-letter-strategy': 'at-least-once',
        'x-overflow': 'reject-publish',
      },
    })
    others ||= consumerCount > 0
  }
  return others
}

/**
 * Sees to it that the broker still knows the queues after a crash. RabbitMQ keeps the list of its quorum queues in a file, and the latest of them in
 * memory only, for up to a second. Killed before, it comes back with that queue empty and without a leader for good: what it had confirmed is gone,
 * and whatever channel publishes to it is held up. To make another queue is to write down the one before, so one more is made, and taken away again.
 * Run before anything is bound to the queues.
 */
async function makeLasting(channel: Channel, group: GroupNames, host: Host): Promise<void> {
  // Under a new name each time: after a crash in between the old one may be in that very state.
  const queue = group.last(host.runtime.id())
  await channel.queueDeclare({
    queue,
    durable: true,
    arguments: { 'x-queue-type': 'quorum', 'x-expires': forgottenAfter },
  })
  await channel.queueDelete({ queue })
}

async function addTopics(channel: Channel, { names, group, topics }: GroupParts, exchange: string): Promise<void> {
  await channel.exchangeDeclare({ exchange, type: 'topic', durable: true, internal: true })
  for (const [partition, queue] of group.queues.entries())
    await channel.queueBind({ queue, exchange, routingKey: `${partition}.#` })
  for (const routingKey of topics?.map(bindingOf) ?? [everyTopic])
    await channel.exchangeBind({ source: names.events, destination: exchange, routingKey })
}

/**
 * Which topics are bound cannot be asked, so what is bound is made anew. A second exchange stands in meanwhile: at every moment one of
 * them leads each event of these topics to the queues, and where both do it still comes once.
 */
async function renewTopics(channel: Channel, parts: GroupParts): Promise<void> {
  const { group } = parts
  await addTopics(channel, parts, group.nextTopics)
  await channel.exchangeDelete({ exchange: group.topics })
  await addTopics(channel, parts, group.topics)
  await channel.exchangeDelete({ exchange: group.nextTopics })
}
