import {
  type Consumer,
  countGroup,
  type EventRecord,
  type Host,
  type LogTransportOptions,
  logTransport,
  type Outcome,
  type Sink,
  type Store,
  type SubscribeOptions,
  TidingsError,
  type Transport,
  type TransportCapabilities,
} from 'tidings/spi'

import { isGone } from '../connection/redis-errors.ts'
import type { RedisSettings } from '../redis-options.ts'
import { openStore } from '../store/open-store.ts'
import type { RedisStore } from '../store/redis-store.ts'
import { type TrimOptions, trim } from './trim.ts'

export interface StreamsOptions {
  readonly settings: RedisSettings
  readonly host: Host
  readonly log: LogTransportOptions
  readonly keep: TrimOptions
}

/** One log, from when it was opened until it is closed, or no more. */
interface Opened {
  readonly store: RedisStore
  readonly transport: Transport
  readonly stopTrimming: () => void
}

/**
 * The log of a store as a broker. Where that was wiped, or made anew by somebody else, it is opened again, and everybody who reads it begins anew:
 * places in one mean nothing in the other.
 */
export class StreamsTransport implements Transport {
  readonly capabilities: TransportCapabilities
  readonly #options: StreamsOptions
  #opened: Opened
  #renewing: Promise<void> | undefined
  #closing: Promise<void> | undefined

  private constructor(options: StreamsOptions, store: RedisStore) {
    this.#options = options
    this.#opened = this.#over(store)
    const born = (): string => this.#opened.store.born
    this.capabilities = Object.freeze({
      ...this.#opened.transport.capabilities,
      durability: store.durability === 'none' ? 'memory' : 'broker',
      maxBytes: options.settings.maxBytes,
      get log() {
        return born()
      },
    } as const)
  }

  static async open(options: StreamsOptions): Promise<StreamsTransport> {
    return new StreamsTransport(options, await openStore(options.settings, options.host, 'broker'))
  }

  publish(batch: readonly EventRecord[], signal?: AbortSignal): Promise<readonly Outcome[]> {
    return this.#opened.transport.publish(batch, signal)
  }

  async subscribe(options: SubscribeOptions, sink: Sink): Promise<Consumer> {
    await this.#renewing
    const { store, transport } = this.#opened
    try {
      // A group that the transport refuses must not hold anything back.
      const consumer = await transport.subscribe(options, sink)
      try {
        await countGroup(store, options.group)
      } catch (error) {
        await consumer.close()
        throw error
      }
      return consumer
    } catch (cause) {
      if (!isGone(cause)) throw cause
      throw new TidingsError('TIDINGS_BROKER_UNAVAILABLE', 'The log of the Redis broker was made anew; try again.', {
        cause,
      })
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#renewing
    const { store, transport, stopTrimming } = this.#opened
    stopTrimming()
    await transport.close()
    await store.close()
  }

  #over(store: RedisStore): Opened {
    const { host, log, keep } = this.#options
    const watched = watching(store, () => this.#gone(store))
    return {
      store,
      // Trimming asks how far everybody is, also those who keep that themselves.
      transport: logTransport(watched, host, log, 'all'),
      stopTrimming: trim(watched, host, keep),
    }
  }

  /** Members look at their log again and again, so it is tried again for as long as it fails. */
  #gone(store: RedisStore): void {
    if (this.#renewing !== undefined || this.#closing !== undefined || this.#opened.store !== store) return
    const { log } = this.#options.host
    this.#renewing = this.#renew()
      .catch((error: unknown) => log('error', 'The Redis broker cannot be opened again; it is tried again.', { error }))
      .finally(() => {
        this.#renewing = undefined
      })
  }

  async #renew(): Promise<void> {
    const { settings, host } = this.#options
    const { partitions } = this.capabilities
    const store = await openStore({ ...settings, partitions }, host, 'broker')
    host.log('warn', 'The log of the Redis broker was made anew; everybody who reads it begins anew.', {
      prefix: settings.prefix,
    })
    const old = this.#opened
    this.#opened = this.#over(store)
    old.stopTrimming()
    // Consumers end once they find it closed, and whoever has them subscribes again.
    await old.store.close()
  }
}

/** A store that tells when it finds that it is no more. */
function watching(store: Store, gone: () => void): Store {
  const watched = <T>(call: Promise<T>): Promise<T> =>
    call.catch((error: unknown) => {
      if (isGone(error)) gone()
      throw error
    })
  return {
    capabilities: store.capabilities,
    commit: (units) => watched(store.commit(units)),
    readStream: (stream, query) => store.readStream(stream, query),
    readAll: (query) => watched(store.readAll(query)),
    find: (collection, query) => store.find(collection, query),
    watch: (wake) => store.watch(wake),
    prune: (query) => store.prune(query),
    close: () => store.close(),
  }
}
