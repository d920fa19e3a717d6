import { join } from 'node:path'

import { loadPeer } from '../../peers/load-peer.ts'
import type { Side, SideHost } from '../harness/side.ts'
import { keyOf, orderOf, type as orderType } from '../order-event.ts'

interface EmmettSqlite {
  sqliteConnection(options: { fileName: string }): { close(): void }
  getSQLiteEventStore(options: object): {
    appendToStream(stream: string, events: readonly object[]): Promise<unknown>
    schema: { migrate(): Promise<void> }
  }
}

/** Its connections set their journal mode without waiting for it, so that now and then a commit finds the file busy; applications try again. */
const tries = 20

/** Emmett's store on SQLite, WAL and FULL by default. Option `kept`: it keeps one connection instead of opening one for each operation. */
export async function open({ folder, options }: SideHost): Promise<Side> {
  const emmett = (await loadPeer('@event-driven-io/emmett-sqlite')) as EmmettSqlite
  const fileName = join(folder, 'emmett.db')
  const kept = options.kept === true ? emmett.sqliteConnection({ fileName }) : undefined
  const store = emmett.getSQLiteEventStore(
    kept === undefined ? { fileName } : { fileName, connectionOptions: { singleton: true, connection: kept } },
  )
  await store.schema.migrate()
  const eventOf = (at: number): object => ({ type: orderType, data: orderOf(at) })
  let confirmed = 0
  const append = async (stream: string, events: readonly object[]): Promise<void> => {
    for (let left = tries; ; left--) {
      try {
        await store.appendToStream(stream, events)
        confirmed += events.length
        return
      } catch (error) {
        if (left === 0 || !String(error).includes('SQLITE_BUSY')) throw error
      }
    }
  }
  return {
    one: (at) => append(keyOf(at), [eventOf(at)]),
    batch: (from, count) => {
      const events = Array.from({ length: count }, (_, at) => eventOf(from + at))
      return append(keyOf(from / count), events)
    },
    seen: () => confirmed,
    close: async () => kept?.close(),
  }
}
