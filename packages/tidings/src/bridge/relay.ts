import type { EventRecord } from '../events/record.ts'
import type { EngineHost } from '../subscriber/engine-host.ts'
import { Slots } from '../subscriber/slots.ts'
import { subscriptionSettings } from '../subscriber/subscribe-options.ts'
import type { Subscription } from '../subscriber/subscription.ts'
import type { RelaySettings } from './bridge-settings.ts'

/** The relay's name among the subscriptions; no other may have it. */
export const relayName = 'relay'

/** How long the relay's attempts may take, in milliseconds. Its calls are given up long before; nothing may count as a failure of an event. */
const never = 86_400_000

/**
 * The outbox: a subscription to everything that this service itself has published, handing each event to the broker as it stands in the log.
 * A broker that is away is no failure of an event: no attempt is spent on it, and it is retried for ever. An event that the broker refuses
 * is parked as a dead letter.
 */
export function relaySubscription(
  settings: RelaySettings,
  takes: (record: EventRecord) => boolean,
  send: (record: EventRecord) => Promise<void>,
): Subscription {
  return {
    settings: {
      ...subscriptionSettings({
        name: relayName,
        concurrency: settings.concurrency,
        window: settings.concurrency * 4,
        onPoison: settings.onPoison,
        from: settings.from,
        onChange: 'accept',
        // Whoever waits for the broker to come back need not wait much longer.
        breaker: { maxCoolDown: '5s' },
      }),
      // Beyond what handlers may ask for.
      timeout: never,
      abandonAfter: 0,
      tries: Number.MAX_SAFE_INTEGER,
      parkAbove: never,
    },
    patterns: ['**'],
    definitions: new Map(),
    // The host below hands records over instead of events.
    handler: (record: unknown) => send(record as EventRecord),
    run: 0,
    matches: (_type, record) => record === undefined || takes(record),
  }
}

/** The surroundings of the relay's engine: those of every other, but it works outside the handlers' shared places and decodes nothing. */
export function relayHost(host: EngineHost, { concurrency }: RelaySettings): EngineHost {
  return {
    ...host,
    slots: new Slots(concurrency),
    decode: ({ record }) => record as never,
  }
}
