import {
  type Event,
  type EventBus,
  type HandlerContext,
  PermanentError,
  RetryAfter,
  type SubscribeOptions,
  sql,
  UnavailableError,
} from 'tidings'
import { isTidingsError, sleep } from 'tidings/spi'

import { NoteTaken, type Order, OrderPaid, OrderPlaced, OrderSeen } from './definitions.ts'
import type { Run } from './facts.ts'
import type { Instance } from './instance.ts'
import type { World } from './world.ts'

type Body = (event: Event<Order>, context: HandlerContext, run: Run, instance: Instance) => unknown

export interface SubscriptionPlan {
  readonly options: SubscribeOptions & { readonly name: string }
  readonly body: Body
}

export const slowTimeout = 500
export const slowAbandon = 1_000
export const poisonTries = 2
/** Waits of the subscriptions whose retries are checked: the first in memory, the second parked. */
export const backoff = [100, 400] as const
const retry = { tries: 3, backoff, parkAbove: 200 } as const

const [placed, paid, seen] = [OrderPlaced.type, OrderPaid.type, OrderSeen.type]

/** What each of them hears: not everything, so that a world is quick. */
const hears: Readonly<Record<string, readonly string[]>> = {
  ledger: [placed, paid, seen],
  mailer: [paid, seen],
  audit: [paid, seen],
  poisoned: [placed, paid, seen],
  skipper: [placed],
  follower: [placed],
  notes: [NoteTaken.type],
  charger: [paid],
  inline: [placed, seen],
  slow: [paid, seen],
  remote: [paid],
  mute: [placed],
}

/** By type, the names of those among some subscriptions that hear it. */
export function hearing(subscriptions: readonly string[]): ReadonlyMap<string, readonly string[]> {
  return new Map(
    [placed, paid, seen, NoteTaken.type].map((type) => [
      type,
      subscriptions.filter((name) => hears[name]?.includes(type)),
    ]),
  )
}

/** All subscriptions of the simulated service. Every instance declares all of them. */
export function subscriptionPlans(world: World): readonly SubscriptionPlan[] {
  const { window, maxParked } = world.profile
  const fails = (likelihood: number): boolean => !world.calm && !world.profile.calm && world.chance(likelihood)
  const pause = (instance: Instance, ms: number): Promise<void> => sleep(instance.process, ms)
  return [
    {
      // Answers in the same turn where it can.
      options: { name: 'ledger', from: 'beginning', priority: 'high', window, retry },
      body: (_event, { attempt, write }) => {
        if (attempt === 1 && fails(0.03)) throw new Error('not at the first time')
        if (attempt === 2 && fails(0.3)) throw new Error('not at the second time')
        if (attempt === 1 && fails(0.02)) write(sql`insert into missing values (${1})`)
      },
    },
    {
      options: { name: 'mailer', order: 'none', from: 'beginning', concurrency: 5, window, retry },
      body: async (_event, { attempt }, _run, instance) => {
        await pause(instance, world.between(1, 30))
        if (attempt < 3 && fails(0.05)) throw attempt === 1 ? new RetryAfter(150) : new Error('mailbox full')
      },
    },
    {
      options: { name: 'audit', order: 'all', from: 'beginning', window, maxParked, retry },
      body: (_event, { attempt }) => {
        if (attempt === 1 && fails(0.01)) throw new Error('not at the first time')
      },
    },
    {
      options: {
        name: 'poisoned',
        from: 'beginning',
        window,
        maxParked,
        retry: { tries: poisonTries, backoff: [100], parkAbove: 200 },
      },
      body: (event) => spoil(world, 'poisoned', event),
    },
    {
      options: {
        name: 'skipper',
        from: 'beginning',
        window,
        onPoison: 'skip',
        retry: { tries: poisonTries, backoff: [300], parkAbove: 200 },
      },
      body: (event) => spoil(world, 'skipper', event),
    },
    {
      options: { name: 'follower', from: 'beginning', window, retry },
      body: async (event, { publish, attempt }, _run, instance) => {
        if (world.chance(0.5)) await pause(instance, world.between(1, 20))
        const note = publish(NoteTaken, { token: `note of ${event.data.token}`, key: event.data.key, of: event.id })
        if (attempt === 1 && fails(0.03)) throw new Error('after it has published')
        if (world.chance(0.5)) await note
      },
    },
    { options: { name: 'notes', from: 'beginning', window, retry }, body: () => {} },
    {
      options: { name: 'charger', from: 'beginning', window, retry },
      body: async (event, { effect, attempt }, run, instance) => {
        const receipt = await effect('charge', async (key) => {
          world.charge(run, key)
          await pause(instance, world.between(1, 10))
          if (attempt === 1 && fails(0.03)) throw new Error('card reader jammed')
          return `receipt for ${event.data.token}`
        })
        if (receipt !== `receipt for ${event.data.token}`)
          world.fail(6, `an effect answered ${JSON.stringify(receipt)} for ${event.data.token}`)
        if (attempt === 1 && fails(0.05)) throw new Error('after the effect')
      },
    },
    {
      options: { name: 'inline', mode: 'inline', from: 'beginning', window, timeout: 400, retry },
      body: async (_event, { attempt }, _run, instance) => {
        if (world.chance(0.3)) await pause(instance, world.between(1, 10))
        if (attempt === 1 && fails(0.05)) throw new Error('not while being published')
      },
    },
    {
      options: { name: 'slow', from: 'beginning', window, timeout: slowTimeout, abandonAfter: slowAbandon, retry },
      body: async (_event, { attempt }, _run, instance) => {
        if (attempt < 3 && fails(0.03)) await pause(instance, world.chance(0.5) ? 900 : 2_000)
        else if (world.chance(0.2)) await pause(instance, world.between(1, 100))
      },
    },
    {
      options: { name: 'remote', from: 'beginning', window, concurrency: 4, retry },
      body: async (_event, _context, _run, instance) => {
        if (world.chance(0.2)) await pause(instance, world.between(1, 20))
        if (world.away) throw new UnavailableError('nobody answers')
      },
    },
    {
      // Its dependency fails without saying so; only the number of failures tells.
      options: {
        name: 'mute',
        from: 'beginning',
        window,
        concurrency: 12,
        retry: { tries: 3, backoff: [100, 150], parkAbove: 200 },
      },
      body: () => {
        if (world.away) throw new Error('something is wrong')
      },
    },
  ]
}

function spoil(world: World, subscription: string, event: Event<Order>): void {
  if (event.data.poison === undefined || world.mended.has(`${subscription}|${event.id}`)) return
  throw event.data.poison === 'permanent' ? new PermanentError('never') : new Error('poison')
}

/** Declares all of them on an instance's bus. */
export function subscribeAll(world: World, instance: Instance, bus: EventBus): void {
  for (const plan of subscriptionPlans(world)) {
    if (!world.profile.subscriptions.includes(plan.options.name)) continue
    const handler = handlerOf(world, instance, plan)
    bus.subscribe(hears[plan.options.name] as string[], plan.options, handler as never)
  }
}

/** Counts the event in the handler's own unit, whatever else the handler does, and keeps the books. */
function handlerOf(
  world: World,
  instance: Instance,
  { options, body }: SubscriptionPlan,
): (event: Event<Order>, context: HandlerContext) => unknown {
  const { name } = options
  return (event, context) => {
    const stored = world.events.get(event.id)
    if (stored === undefined) {
      world.fail(2, `${name} was given an event that is not stored: ${event.data.token}`)
      return
    }
    const run: Run = {
      subscription: name,
      event: stored,
      instance: instance.name,
      attempt: context.attempt,
      began: world.now,
      token: world.fences.get(`${name}/0/${stored.partition}`)?.version ?? 0,
      first: !world.runs.has(`${name}|${event.id}`),
      ended: undefined,
      outcome: undefined,
      error: undefined,
    }
    world.began(run)
    const finish = (): void => {
      context.write(sql`update counters set n = n + 1 where id = ${`${name}|${event.id}`}`)
      if (name === 'slow' && world.now - run.began >= slowTimeout && instance.neverStopped(run.began)) {
        world.fail(
          16,
          `an attempt at ${stored.position} could still write ${Math.round(world.now - run.began)} ms after it began, although its time is ${slowTimeout} ms`,
        )
      }
      world.ended(run, 'returned')
    }
    const failed = (error: unknown): never => {
      if (isTidingsError(error, 'TIDINGS_HANDLER_TIMEOUT')) world.sometimes('a late handler was refused')
      world.ended(run, 'threw', error)
      throw error
    }
    try {
      const result = body(event, context, run, instance)
      if (!(result instanceof Promise)) return finish()
      return result.then(finish).catch(failed)
    } catch (error) {
      return failed(error)
    }
  }
}
