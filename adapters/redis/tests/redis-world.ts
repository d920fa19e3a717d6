import { createClient } from '@redis/client'
import { type Host, type Log, type Runtime, realRuntime, silentLog, silentMeter } from 'tidings/spi'

import { serverUrl } from '../../../tools/servers/index.ts'

/** Where the server of the tests is; undefined: there is none. */
export const url: string | undefined = await serverUrl('redis')

export function hostOf(runtime: Runtime = realRuntime(), log: Log = silentLog): Host {
  return { runtime, log, meter: silentMeter }
}

const run = Math.random().toString(36).slice(2, 10)

/** A prefix that is nobody else's. */
export function prefixOf(place: string): string {
  return `test:${run}:${place}`
}

/** Removes every key of a store. */
export async function removeStore(prefix: string): Promise<void> {
  await withClient(async (client) => {
    for await (const keys of client.scanIterator({ MATCH: `{${prefix}}*`, COUNT: 1_000 })) {
      if (keys.length > 0) await client.unlink(keys)
    }
  })
}

/** A bare client, for looking at what the store has written. */
export async function withClient<T>(use: (client: ReturnType<typeof createClient>) => Promise<T>): Promise<T> {
  const client = createClient({ url: url as string })
  client.on('error', () => {})
  await client.connect()
  try {
    return await use(client as ReturnType<typeof createClient>)
  } finally {
    client.destroy()
  }
}
