import { directStore } from '../direct/direct-store.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { Host } from '../store/adapter.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import type { Store } from '../store/store.ts'
import type { Transport } from '../transport/transport.ts'
import type { EventBusOptions } from './bus-options.ts'
import { loadAdapter, packageOf, schemeOf } from './load-adapter.ts'
import { isBroker } from './open-transport.ts'

/** Which package serves which scheme of a URL. */
const adapters: Readonly<Record<string, string>> = {
  sqlite: '@tidings/sqlite',
  postgres: '@tidings/postgres',
  postgresql: '@tidings/postgres',
  redis: '@tidings/redis',
  rediss: '@tidings/redis',
}

export interface OpenedStore {
  readonly store: Store
  /** Whether the bus must close it. */
  readonly owned: boolean
  /** In direct mode: the broker that stands behind it. */
  readonly broker?: Transport
}

/** Opens what the options name. */
export async function openStore(options: EventBusOptions, host: Host): Promise<OpenedStore> {
  const { store, url, transport } = options
  if (store === 'none' && isBroker(transport)) {
    const broker = await transport.open(host)
    const { kind, remembers = false, name } = broker.capabilities
    if (kind === 'log' && !remembers) {
      await broker.close()
      throw new TidingsError(
        'TIDINGS_NOT_SUPPORTED',
        `\`store\` 'none' needs a broker that remembers how far each group is, and ${name} does not: name a store beside it.`,
        { details: { field: 'store', transport: name } },
      )
    }
    return { store: directStore(broker, host.runtime), owned: true, broker }
  }
  if (store === 'none') throw invalid("`store` 'none' together with a broker as `transport`")
  if (store !== undefined)
    return 'open' in store ? { store: await store.open(host), owned: true } : { store, owned: false }
  if (url === undefined) throw invalid("`url` to say where events are kept, such as 'sqlite:./tidings.db' or 'memory:'")
  if (schemeOf(url) === 'memory') return { store: memoryStore(), owned: true }
  const fromUrl = await loadAdapter(packageOf('url', url, { memory: '', ...adapters }), 'fromUrl')
  return { store: await fromUrl(url).open(host), owned: true }
}

function invalid(rule: string): TidingsError {
  return new TidingsError('TIDINGS_INVALID_OPTION', `Expected ${rule}.`, { details: { field: 'url' } })
}
