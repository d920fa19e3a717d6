import { randomUUID } from 'node:crypto'

import { loadPeer } from '../../peers/load-peer.ts'
import type { Side, SideHost } from '../harness/side.ts'
import { keyOf, orderOf, type as orderType } from '../order-event.ts'

interface EmmettPostgres {
  readonly getPostgreSQLEventStore: (
    connectionString: string,
    options?: object,
  ) => {
    appendToStream(stream: string, events: readonly object[]): Promise<unknown>
    schema: { migrate(): Promise<void> }
    close(): Promise<void>
  }
}

/** Emmett's store on PostgreSQL. Its tables stand in the schema `public`, so its streams carry a name of this run. Option `url`. */
export async function open({ options }: SideHost): Promise<Side> {
  const { getPostgreSQLEventStore } = (await loadPeer('@event-driven-io/emmett-postgresql')) as EmmettPostgres
  const store = getPostgreSQLEventStore(String(options.url))
  await store.schema.migrate()
  const run = randomUUID()
  let acknowledged = 0
  const append = async (key: string, ats: readonly number[]): Promise<void> => {
    await store.appendToStream(
      `${run}-${key}`,
      ats.map((at) => ({ type: orderType, data: orderOf(at) })),
    )
    acknowledged += ats.length
  }
  return {
    one: (at) => append(keyOf(at), [at]),
    batch: (from, count) =>
      append(
        keyOf(from / count),
        Array.from({ length: count }, (_, at) => from + at),
      ),
    seen: () => acknowledged,
    close: () => store.close(),
  }
}
