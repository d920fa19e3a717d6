import { type Host, TidingsError } from 'tidings/spi'

import { Connection } from '../connection/connection.ts'
import { readServerFacts, type ServerFacts } from '../connection/server-facts.ts'
import type { RedisSettings } from '../redis-options.ts'
import { knowServer } from './know-server.ts'
import { openScript } from './open-script.ts'
import { RedisStore } from './redis-store.ts'
import { storeKeys } from './store-keys.ts'

/** How the keys are laid out. A store of a later one is left alone. */
const format = 1

const levels: readonly ServerFacts['durability'][] = ['none', 'everysec', 'always']

/** A bus remembers in a store; a broker's is read by many services, its streams are forgotten with their last event, and its events age from when they came. */
export type StoreUse = 'store' | 'broker'

/** Connects, looks at what the server promises, and makes the store where there is none. */
export async function openStore(settings: RedisSettings, host: Host, use: StoreUse = 'store'): Promise<RedisStore> {
  const connection = await Connection.open(settings.connection, host)
  try {
    const facts = await readServerFacts(connection)
    judge(facts, settings, host)
    const keys = storeKeys(settings.prefix)
    const asked = [String(format), String(settings.partitions ?? 8), host.runtime.id(), use]
    const reply = await connection.run(openScript, [keys.meta], asked, 'Opening the store', true)
    const [found, partitions, born, used] = reply as readonly string[]
    check({ format: Number(found), partitions: Number(partitions), use: used }, settings, use)
    await knowServer(connection, host, keys, String(born))
    return new RedisStore({
      settings,
      host,
      connection,
      keys,
      facts,
      born: String(born),
      forget: use === 'broker',
      byArrival: use === 'broker',
      partitions: Number(partitions),
    })
  } catch (error) {
    await connection.close(Promise.resolve())
    throw error
  }
}

function judge({ durability }: ServerFacts, settings: RedisSettings, host: Host): void {
  if (levels.indexOf(durability) < levels.indexOf(settings.durability)) {
    throw new TidingsError(
      'TIDINGS_INVALID_OPTION',
      `Expected Redis to be set up for \`durability\` '${settings.durability}' at least, and it is set up for '${durability}'. ` +
        "Set `appendonly yes` (and `appendfsync always`), or say `durability: 'none'` where losing everything is fine.",
      { details: { field: 'durability', durability } },
    )
  }
  if (durability === 'none')
    host.log('warn', 'Redis keeps this store in memory alone (appendonly is off): it is gone when the server ends.')
  if (durability === 'everysec')
    host.log(
      'info',
      'Redis writes to disk once a second: up to a second of acknowledged events is lost where its machine dies.',
    )
}

interface Found {
  readonly format: number
  readonly partitions: number
  readonly use: string | undefined
}

function check(found: Found, settings: RedisSettings, use: StoreUse): void {
  const { prefix } = settings
  if (!Number.isInteger(found.format) || !Number.isInteger(found.partitions)) {
    throw new TidingsError('TIDINGS_STORE_CORRUPT', `The keys that begin with {${prefix}} are not those of a store.`)
  }
  if (found.format > format) {
    throw new TidingsError(
      'TIDINGS_STORE_NEWER',
      `The store was made by a later version of @tidings/redis (format ${found.format}, this one knows ${format}). Upgrade the package.`,
      { details: { format: found.format } },
    )
  }
  if (found.use !== use) {
    throw new TidingsError(
      'TIDINGS_INVALID_OPTION',
      `Expected \`prefix\` to name a ${use}: under {${prefix}} there is a ${found.use === 'broker' ? 'broker' : 'store'}, and the two must not share their keys.`,
      { details: { field: 'prefix', use: found.use } },
    )
  }
  if (settings.partitions !== undefined && settings.partitions !== found.partitions) {
    throw new TidingsError(
      'TIDINGS_INVALID_OPTION',
      `Expected \`partitions\` to be ${found.partitions}, as the store was made with; it keeps them for ever.`,
      { details: { field: 'partitions', partitions: found.partitions } },
    )
  }
}
