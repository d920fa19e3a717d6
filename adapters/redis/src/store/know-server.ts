import type { Host } from 'tidings/spi'

import type { Connection } from '../connection/connection.ts'
import { serverScript } from './server-script.ts'
import type { StoreKeys } from './store-keys.ts'

/**
 * How far positions go up where a server may have lost its last events: more than are ever lost, and no two alike, for the server may lose what came
 * after one as well. On average there is room for 1.4 million of them below 2^53.
 */
const step = 2 ** 32

/** Looks, on each connection before anything is committed on it, whether the server is the one that wrote last. See `serverScript`. */
export function knowServer(connection: Connection, host: Host, keys: StoreKeys, born: string): Promise<void> {
  return connection.first(async () => {
    const above = step + Math.floor(host.runtime.random() * step)
    const position = await connection.run(
      serverScript,
      [keys.meta],
      [born, String(above)],
      'Looking which server this is',
    )
    if (position !== '')
      host.log(
        'info',
        'Redis was started again, or another server took over: positions go on far above the last one.',
        {
          position: Number(position),
        },
      )
  })
}
