import { TidingsError } from '../kernel/errors.ts'
import type { Host, StoreAdapter } from '../store/adapter.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import type { Store } from '../store/store.ts'

/** Which package serves which scheme of a URL. */
const adapters: Readonly<Record<string, string>> = {
  sqlite: '@tidings/sqlite',
  redis: '@tidings/redis',
  rediss: '@tidings/redis',
}

/** Opens what the options name. `owned` says whether the bus must close it. */
export async function openStore(
  options: { readonly url?: string; readonly store?: Store | StoreAdapter },
  host: Host,
): Promise<{ store: Store; owned: boolean }> {
  const { store, url } = options
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
