import { type Host, type StoreAdapter, TidingsError } from 'tidings/spi'

import { openStore } from './open-store.ts'
import { type PostgresOptions, settingsOf } from './postgres-options.ts'
import type { PostgresStore } from './postgres-store.ts'

/** A PostgreSQL store that is described but not yet open. */
export interface PostgresAdapter extends StoreAdapter {
  open(host: Host): Promise<PostgresStore>
}

/**
 * A store in one schema of a PostgreSQL database: `postgres('postgres://user:password@host/database')`, or with options. Any number of
 * processes and machines may share it. Throws TIDINGS_INVALID_OPTION naming every mistake at once.
 */
export function postgres(urlOrOptions: string | PostgresOptions, options: PostgresOptions = {}): PostgresAdapter {
  const settings = settingsOf(
    typeof urlOrOptions === 'string' ? { url: urlOrOptions, ...options } : { ...urlOrOptions, ...options },
  )
  return { name: 'postgres', open: (host) => openStore(settings, host) }
}

/** The same from a URL alone: `postgres://…` or `postgresql://…`. Options follow a question mark. */
export function fromUrl(url: string): PostgresAdapter {
  if (!/^postgres(?:ql)?:/.test(url)) {
    throw new TidingsError('TIDINGS_INVALID_OPTION', 'Expected `url` to begin with postgres: or postgresql:', {
      details: { field: 'url' },
    })
  }
  return postgres(url)
}
