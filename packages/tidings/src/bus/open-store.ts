import { directStore } from '../direct/direct-store.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { Host, StoreAdapter } from '../store/adapter.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import type { Store } from '../store/store.ts'
import type { Transport } from '../transport/transport.ts'
import type { EventBusOptions } from './bus-options.ts'
import { isBroker } from './bus-settings.ts'

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
    return { store: directStore(broker), owned: true, broker }
  }
  if (store === 'none') throw invalid("`store` 'none' together with a broker as `transport`")
  if (store !== undefined)
    return 'open' in store ? { store: await store.open(host), owned: true } : { store, owned: false }
  if (url === undefined) throw invalid("`url` to say where events are kept, such as 'sqlite:./tidings.db' or 'memory:'")
  const scheme = url.slice(0, Math.max(0, url.indexOf(':')))
  if (scheme === 'memory') return { store: memoryStore(), owned: true }
  const packageName = Object.hasOwn(adapters, scheme) ? adapters[scheme] : undefined
  if (packageName === undefined) {
    throw new TidingsError(
      'TIDINGS_ADAPTER_UNKNOWN',
      `Expected \`url\` to begin with one of memory:, ${Object.keys(adapters).join(':, ')}:, got '${scheme.slice(0, 40)}:'.`,
      {
        details: { field: 'url', scheme: scheme.slice(0, 40) },
      },
    )
  }
  const adapter = await load(packageName)
  return { store: await adapter.fromUrl(url).open(host), owned: true }
}

async function load(packageName: string): Promise<{ fromUrl(url: string): StoreAdapter }> {
  try {
    return (await import(packageName)) as { fromUrl(url: string): StoreAdapter }
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new TidingsError(
      'TIDINGS_ADAPTER_MISSING',
      `This \`url\` needs the package ${packageName}: npm install ${packageName}`,
      { cause: error, details: { package: packageName } },
    )
  }
}

function invalid(rule: string): TidingsError {
  return new TidingsError('TIDINGS_INVALID_OPTION', `Expected ${rule}.`, { details: { field: 'url' } })
}
