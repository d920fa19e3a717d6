import { type Host, type StoreAdapter, TidingsError } from 'tidings/spi'

import { type Connection, openFile } from './connection.ts'
import { openError } from './open-error.ts'
import { retryBusy } from './retry-busy.ts'
import { type SqliteOptions, type SqliteSettings, settingsOf } from './sqlite-options.ts'
import { SqliteStore } from './sqlite-store.ts'

/** An SQLite store that is described but not yet open. */
export interface SqliteAdapter extends StoreAdapter {
  open(host: Host): Promise<SqliteStore>
}

/**
 * A store in one SQLite file: `sqlite('./events.db')`, `sqlite('sqlite:./events.db?durability=normal')`, `sqlite(':memory:')`. The file
 * is made where it does not exist; its folder is not. Several processes of one machine may share it. Throws TIDINGS_INVALID_OPTION naming every
 * mistake at once.
 */
export function sqlite(pathOrUrl: string, options: SqliteOptions = {}): SqliteAdapter {
  const settings = settingsOf(pathOrUrl, options)
  return { name: 'sqlite', open: (host) => open(settings, host) }
}

/** The same from a URL alone: `sqlite:./file.db`, `sqlite:///abs/file.db`, `sqlite::memory:`. Options follow a question mark. */
export function fromUrl(url: string): SqliteAdapter {
  if (!url.startsWith('sqlite:')) {
    throw new TidingsError('TIDINGS_INVALID_OPTION', 'Expected `url` to begin with sqlite:', {
      details: { field: 'url' },
    })
  }
  return sqlite(url)
}

async function open(settings: SqliteSettings, host: Host): Promise<SqliteStore> {
  let connection: Connection | undefined
  try {
    const file = await retryBusy({ runtime: host.runtime, busyTimeout: settings.busyTimeout }, () => openFile(settings))
    connection = file.connection
    if (!file.wal && settings.path !== ':memory:') {
      host.log('warn', 'SQLite cannot keep a write-ahead log here: readers and writers will wait for each other.', {
        path: settings.path,
      })
    }
    return new SqliteStore(connection, file.partitions, settings, host)
  } catch (error) {
    connection?.db.close()
    throw openError(error, settings.path)
  }
}
