import type { BusParts } from '../bus/bus-parts.ts'
import type { EventBus } from '../bus/event-bus.ts'
import { partsWithLog } from '../bus/parts-with-log.ts'
import { subscriptionsCollection } from '../bus/registration.ts'
import type { AnyEventDefinition } from '../events/define-event.ts'
import type { Event } from '../events/event.ts'
import { TidingsError } from '../kernel/errors.ts'
import { Mistakes } from '../kernel/mistakes.ts'
import type { HandlerContext } from '../subscriber/handler-context.ts'
import type { ReplayRun } from '../subscriber/replay-run.ts'
import { type SubscribeOptions, subscriptionSettings } from '../subscriber/subscribe-options.ts'
import { type SubscribeTo, type Subscription, subscriptionOf, targetMistakes } from '../subscriber/subscription.ts'
import { followWithEta, type TimedProgress } from './follow-with-eta.ts'
import { recordedEffects } from './recorded-effects.ts'
import { cancelReplay } from './replay-progress.ts'
import { checkedPart, type ReplayFilter, type ReplayRequest, requestNames } from './replay-request.ts'
import { askReplay, countReplay, openReplay, type ReplayCount, registeredPatterns } from './request-replay.ts'

/** A handler for one replay and the next ones of this name: a subscription that hears nothing live. */
export interface ReplayHandler
  extends Omit<SubscribeOptions, 'mode' | 'from' | 'onChange' | 'replay' | 'healthCheck' | 'healthEvery'> {
  readonly on: AnyEventDefinition | string | readonly (AnyEventDefinition | string)[]
  // biome-ignore lint/suspicious/noExplicitAny: the handler says which data it hears; nothing else is known of it here.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly handler: (event: Event<any>, context: HandlerContext) => unknown
}

export interface CreateReplayOptions extends ReplayFilter {
  /** The name of a subscription that is declared `replay: 'safe'`, wherever it runs; or a handler of its own. */
  readonly into: string | ReplayHandler
}

const { subscription: _named, ...filterNames } = requestNames

const optionNames: Readonly<Record<keyof CreateReplayOptions, true>> = { ...filterNames, into: true }

export interface ReplayPreview extends ReplayCount {
  readonly subscription: string
  /** `safe`: it takes replays. `unsafe`: it refuses them. `elsewhere`: no subscription of this bus; whoever runs it decides. */
  readonly replay: 'safe' | 'unsafe' | 'elsewhere'
  /** Whether `effect` calls what has no record yet. */
  readonly effects: 'skip' | 'allow'
  /** Calls to the outside of which the subscription has records, by name, as far as the first 1,000 tell: those are answered from the record either way. */
  readonly recorded: readonly string[]
  /** Whether what its handler publishes is published again. */
  readonly publishes: 'suppress' | 'allow'
}

/** A part of history that is to run through a handler again, once, as a run of its own beside live work. */
export interface Replay {
  /** Counts what would be handled, and tells what is switched off; changes nothing. */
  preview(): Promise<ReplayPreview>
  /**
   * Begins, and tells how it goes on until it has an end. An open replay that was asked for in the same words, such as before a crash, is gone on with
   * instead. Whoever stops listening stops nothing: `cancel` does. Rejects with `TIDINGS_NOT_SUPPORTED` for a subscription that refuses.
   */
  start(options?: { readonly signal?: AbortSignal }): AsyncIterable<TimedProgress>
  /** Ends it before its end, and what it has parked goes with it; false where it has not begun, or has ended already. */
  cancel(): Promise<boolean>
}

/**
 * Runs history through a handler again: through a subscription that is declared `replay: 'safe'`, or through a handler given here. Its position is its
 * own; the live run, its position and all other handlers stay as they are. Throws `TIDINGS_INVALID_OPTION` naming every mistake.
 */
export function createReplay(bus: EventBus, options: CreateReplayOptions): Replay {
  const parts = partsWithLog(bus, 'A replay')
  const { into, ...filter } = options
  const mistakes = new Mistakes()
  mistakes.refuseUnknown(options, optionNames)
  mistakes.expect(
    typeof into === 'string' || (typeof into === 'object' && into !== null),
    '`into` to be the name of a subscription or a handler of its own',
    into,
  )
  mistakes.throwAny('Cannot replay')
  checkedPart(filter)
  const own = typeof into === 'string' ? undefined : ownSubscription(into)
  const subscription = typeof into === 'string' ? into : (own as Subscription).settings.name
  const request: ReplayRequest = { ...filter, subscription }
  let begun: ReplayRun | undefined

  async function* start({ signal }: { readonly signal?: AbortSignal } = {}): AsyncGenerator<TimedProgress> {
    begun = await parts.enter(() => begin(parts, request, own))
    for await (const progress of followWithEta(parts, begun, signal)) {
      yield progress
      if (progress.state === 'refused') throw refused(subscription)
    }
  }

  return {
    async preview() {
      const patterns = own?.patterns ?? (await registeredPatterns(parts.store, subscription))
      return {
        ...(await countReplay(parts.store, patterns, request)),
        subscription,
        replay: own !== undefined ? 'safe' : (declaredHere(parts, subscription)?.settings.replay ?? 'elsewhere'),
        effects: request.effects ?? 'skip',
        recorded: await recordedEffects(parts.store, subscription),
        publishes: request.publishes ?? 'suppress',
      }
    },
    start,
    cancel: async () => begun !== undefined && cancelReplay(parts.store, parts.runtime, begun),
  }
}

async function begin(parts: BusParts, request: ReplayRequest, own: Subscription | undefined): Promise<ReplayRun> {
  const { store, runtime, replays } = parts
  const { subscription } = request
  const declared = declaredHere(parts, subscription)
  if (declared?.settings.replay === 'unsafe' && own === undefined) throw refused(subscription)
  if (own !== undefined) {
    const [registered] = await store.find(subscriptionsCollection, { id: subscription })
    if (registered !== undefined || declared !== undefined) {
      throw new TidingsError('TIDINGS_SUBSCRIPTION_EXISTS', `There is a subscription ${subscription} already.`, {
        details: { name: subscription },
      })
    }
    // Nobody but this process can carry it out.
    if (parts.phase() !== 'started') {
      throw new TidingsError(
        'TIDINGS_INVALID_OPTION',
        'Expected the bus to be started before a replay into a handler.',
        {
          details: { field: 'into' },
        },
      )
    }
    replays.adopt(own)
  }
  const patterns = own?.patterns ?? (await registeredPatterns(store, subscription))
  const replay = (await openReplay(store, request)) ?? (await askReplay(store, runtime, patterns, request))
  if (parts.phase() === 'started') await replays.look()
  return replay
}

function declaredHere({ declared }: BusParts, name: string): Subscription | undefined {
  return declared.find(({ settings }) => settings.name === name)
}

function ownSubscription({ on, handler, ...options }: ReplayHandler): Subscription {
  const known = targetMistakes(on, handler)
  const settings = subscriptionSettings({ ...options, replay: 'safe' }, known)
  return subscriptionOf(on as SubscribeTo, settings, handler as never)
}

function refused(subscription: string): TidingsError {
  return new TidingsError(
    'TIDINGS_NOT_SUPPORTED',
    `The subscription ${subscription} is not declared \`replay: 'safe'\`: nobody has said that its handler bears an event twice.`,
    { details: { field: 'into', subscription } },
  )
}
