import { TidingsError } from '../kernel/errors.ts'
import type { StoreAdapter } from '../store/adapter.ts'
import type { TransportAdapter } from '../transport/adapter.ts'
import { fileHint } from './file-hint.ts'

/** What packages of adapters export, each what it has. */
interface AdapterPackage {
  readonly fromUrl?: (url: string) => StoreAdapter
  readonly transportFromUrl?: (url: string) => TransportAdapter
}

/** Loads the package of an adapter. Rejects with `TIDINGS_ADAPTER_MISSING`, which says how to install it. */
export async function loadAdapter<Name extends keyof AdapterPackage>(
  packageName: string,
  name: Name,
): Promise<NonNullable<AdapterPackage[Name]>> {
  let loaded: AdapterPackage
  try {
    loaded = (await import(packageName)) as AdapterPackage
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new TidingsError(
      'TIDINGS_ADAPTER_MISSING',
      `This URL needs the package ${packageName}: npm install ${packageName}`,
      { cause: error, details: { package: packageName } },
    )
  }
  const found = loaded[name]
  if (found !== undefined) return found
  throw new TidingsError(
    'TIDINGS_ADAPTER_MISSING',
    `The installed ${packageName} does not serve this URL; bring it to the version of tidings.`,
    { details: { package: packageName } },
  )
}

/** The scheme of a URL, without its colon. */
export function schemeOf(url: string): string {
  return url.slice(0, Math.max(0, url.indexOf(':'))).toLowerCase()
}

/** The package that serves a scheme. Throws `TIDINGS_ADAPTER_UNKNOWN`, which names those that are, but nothing of the URL that could be a secret. */
export function packageOf(field: string, url: string, packages: Readonly<Record<string, string>>): string {
  const scheme = schemeOf(url)
  const found = Object.hasOwn(packages, scheme) ? packages[scheme] : undefined
  if (found !== undefined) return found
  const got = scheme === '' ? 'no scheme' : `'${scheme.slice(0, 40)}:'`
  const hint = Object.hasOwn(packages, 'sqlite') ? fileHint(url) : ''
  throw new TidingsError(
    'TIDINGS_ADAPTER_UNKNOWN',
    `Expected \`${field}\` to begin with one of ${Object.keys(packages).join(':, ')}:, got ${got}${hint}.`,
    { details: { field, scheme: scheme.slice(0, 40) } },
  )
}
