import { TidingsError } from 'tidings/spi'

import type { Connection } from './connection.ts'

/** What a server survives, as it is set up at this moment. */
export interface ServerFacts {
  readonly version: string
  /** `always`: every answer is on disk. `everysec`: about a second may be lost. `none`: the server keeps it in memory alone. */
  readonly durability: 'always' | 'everysec' | 'none'
}

/**
 * Asks the server how it is set up, and refuses one that may throw data away: where keys are evicted, a store loses what it acknowledged
 * without anybody noticing.
 */
export async function readServerFacts(connection: Connection): Promise<ServerFacts> {
  const info = factsOf(String(await connection.send(['INFO'], 'Asking Redis how it is set up')))
  const policy = info.get('maxmemory_policy') ?? 'noeviction'
  if (policy !== 'noeviction') {
    throw new TidingsError(
      'TIDINGS_INVALID_OPTION',
      `Expected Redis to keep what it is given: its maxmemory-policy is '${policy}' and must be 'noeviction'.`,
      { details: { field: 'maxmemory-policy', policy } },
    )
  }
  const durability = info.get('aof_enabled') === '1' ? await readFsync(connection) : 'none'
  return { version: info.get('redis_version') ?? '', durability }
}

async function readFsync(connection: Connection): Promise<'always' | 'everysec'> {
  try {
    const reply = await connection.send(['CONFIG', 'GET', 'appendfsync'], 'Asking Redis how it is set up')
    if (Array.isArray(reply) && reply[1] === 'always') return 'always'
  } catch {
    // Hosted servers often refuse CONFIG; then the lesser promise is the true one.
  }
  return 'everysec'
}

function factsOf(info: string): ReadonlyMap<string, string> {
  const facts = new Map<string, string>()
  for (const line of info.split('\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) facts.set(line.slice(0, colon), line.slice(colon + 1).trim())
  }
  return facts
}
