import { relayName } from '../bridge/relay.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { Position } from '../store/store.ts'
import type { Audiences } from '../subscriber/audiences.ts'
import { Engine } from '../subscriber/engine.ts'
import type { EngineHost } from '../subscriber/engine-host.ts'
import { inlineListener } from '../subscriber/inline-listener.ts'
import { inboxName } from '../subscriber/parked-event.ts'
import type { Subscription } from '../subscriber/subscription.ts'
import { watchHealth } from '../subscriber/watch-health.ts'
import { LateSubscriptions } from './late-subscriptions.ts'
import { type Registration, register } from './registration.ts'

export interface SubscriptionsHost {
  readonly engines: EngineHost
  readonly audiences: Audiences
  /** Whether the bus delivers already, so that what is declared begins at once. */
  delivering(): boolean
  closed(): boolean
  /** Throws when the bus has been closed. */
  assertOpen(): void
  /** More is declared than before; a broker must be listened to for it. */
  declared(): Promise<void> | undefined
}

/** The subscriptions of one bus: declared, registered, at work, ended. */
export class Subscriptions {
  readonly declared: Subscription[] = []
  /** By name, those that are at work. */
  readonly engines: Map<string, Engine> = new Map()
  /** By name, where a partition without a checkpoint begins. */
  readonly starts: Map<string, Position> = new Map()
  readonly late: LateSubscriptions
  readonly #host: SubscriptionsHost
  readonly #healthWatches = new Map<string, () => void>()

  constructor(host: SubscriptionsHost) {
    this.#host = host
    this.late = new LateSubscriptions(host.engines.log, host.engines.runtime, () => host.closed())
  }

  /** Throws `TIDINGS_SUBSCRIPTION_EXISTS` for a name that is taken, `TIDINGS_INVALID_OPTION` for one of the bus's own. */
  declare(subscription: Subscription): void {
    const { name } = subscription.settings
    if (name === relayName || name === inboxName) {
      throw new TidingsError(
        'TIDINGS_INVALID_OPTION',
        `Expected \`name\` to be another than ${name}: that is the bus's own, for brokers.`,
        { details: { field: 'name' } },
      )
    }
    const earlier = this.declared.findIndex((other) => other.settings.name === name)
    if (earlier !== -1 && this.late.failure(name) !== undefined) {
      this.declared.splice(earlier, 1)
      this.late.forget(name)
    } else if (earlier !== -1) {
      throw new TidingsError('TIDINGS_SUBSCRIPTION_EXISTS', `This bus has a subscription ${name} already.`, {
        details: { name },
      })
    }
    this.declared.push(subscription)
    if (!this.#host.delivering()) return
    this.late.begin(name, async () => {
      await this.#start(subscription, await this.#register(subscription))
      await this.#host.declared()
    })
  }

  /** Whether some have been declared that `start` has not come to. */
  get waiting(): boolean {
    return this.declared.some(({ settings }) => !this.engines.has(settings.name))
  }

  /** Starts those that are declared. Their registrations are durable before any of them delivers, so a change that is refused stops the start whole. */
  async start(): Promise<void> {
    // More may be declared meanwhile.
    while (this.waiting) {
      const next = this.declared.filter(({ settings }) => !this.engines.has(settings.name))
      const registrations: Registration[] = []
      for (const subscription of next) registrations.push(await this.#register(subscription))
      for (const [at, subscription] of next.entries())
        await this.#start(subscription, registrations[at] as Registration)
    }
  }

  /**
   * Takes no further part in a subscription, within `deadline` milliseconds; its name is free again. What the store knows of it stays, and another
   * process may go on with it.
   */
  async end(name: string, deadline: number): Promise<void> {
    await this.late.ended(name)
    const at = this.declared.findIndex((other) => other.settings.name === name)
    const [subscription] = at === -1 ? [] : this.declared.splice(at, 1)
    this.late.forget(name)
    const engine = this.engines.get(name)
    if (subscription === undefined || engine === undefined) return
    this.#unwatch(name)
    this.#host.audiences.remove(subscription)
    await engine.close(deadline)
    this.engines.delete(name)
    this.starts.delete(name)
    this.#host.engines.progressed()
  }

  stopWatching(): void {
    for (const name of this.#healthWatches.keys()) this.#unwatch(name)
  }

  async close(deadline: number): Promise<void> {
    this.stopWatching()
    await Promise.all([...this.engines.values()].map((engine) => engine.close(deadline)))
  }

  async #register(subscription: Subscription): Promise<Registration> {
    const { store, runtime } = this.#host.engines
    const registration = await register(store, runtime, subscription)
    this.starts.set(registration.name, registration.start)
    return registration
  }

  async #start(subscription: Subscription, { start }: Registration): Promise<void> {
    const { settings } = subscription
    const { engines: host, audiences } = this.#host
    // A close does not wait for ever for a start that takes long.
    this.#host.assertOpen()
    const engine = new Engine(host, subscription, start)
    this.engines.set(settings.name, engine)
    audiences.add(
      subscription,
      settings.mode === 'inline' ? inlineListener(host, subscription, engine, start) : undefined,
    )
    try {
      await engine.start()
    } catch (error) {
      this.engines.delete(settings.name)
      this.starts.delete(settings.name)
      audiences.remove(subscription)
      await engine.close(1_000)
      throw error
    }
    this.#host.assertOpen()
    if (settings.healthCheck !== undefined)
      this.#healthWatches.set(settings.name, watchHealth(host.runtime, host.log, settings, engine))
  }

  #unwatch(name: string): void {
    this.#healthWatches.get(name)?.()
    this.#healthWatches.delete(name)
  }
}
