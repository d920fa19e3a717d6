import { join } from 'node:path'

import { loadPeer } from '../../peers/load-peer.ts'
import type { Side, SideHost } from '../harness/side.ts'
import { keyOf, orderOf, type as orderType } from '../order-event.ts'

interface EmmettSqlite {
  sqliteConnection(options: { fileName: string }): {
    querySingle(sql: string): Promise<{ n: number } | null>
    close(): void
  }
  getSQLiteEventStore(options: object): {
    appendToStream(stream: string, events: readonly object[]): Promise<unknown>
    schema: { migrate(): Promise<void> }
  }
}

/** Emmett's store on SQLite, WAL and FULL by default. Option `kept`: it keeps one connection instead of opening one for each operation. */
export async function open({ folder, options }: SideHost): Promise<Side> {
  const emmett = (await loadPeer('@event-driven-io/emmett-sqlite')) as EmmettSqlite
  const fileName = join(folder, 'emmett.db')
  const kept = emmett.sqliteConnection({ fileName })
  const store = emmett.getSQLiteEventStore(
    options.kept === true ? { fileName, connectionOptions: { singleton: true, connection: kept } } : { fileName },
  )
  await store.schema.migrate()
  const eventOf = (at: number): object => ({ type: orderType, data: orderOf(at) })
  let confirmed = 0
  return {
    one: async (at) => {
      await store.appendToStream(keyOf(at), [eventOf(at)])
      confirmed++
    },
    batch: async (from, count) => {
      const events = Array.from({ length: count }, (_, at) => eventOf(from + at))
      await store.appendToStream(keyOf(from / count), events)
      confirmed += count
    },
    seen: () => confirmed,
    close: async () => kept.close(),
  }
}
