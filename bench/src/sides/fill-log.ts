import pg from 'pg'
import { createEventBus } from 'tidings'

import type { Side, SideHost } from '../harness/side.ts'
import { orderPlaced } from '../order-definition.ts'
import { orderOf } from '../order-event.ts'
import { fullFile, fullSchema, inFullSchema } from './full-log.ts'

const batch = 1_000

/** Fills the scenario's shared log with events, for others to read: on PostgreSQL where option `url` names one, else in a file. */
export async function open({ sharedFolder, options: { url } }: SideHost): Promise<Side> {
  if (url !== undefined) await onServer(String(url), `drop schema if exists ${fullSchema} cascade`)
  const address = url === undefined ? `sqlite:${fullFile(sharedFolder)}?durability=off` : inFullSchema(String(url))
  const bus = await createEventBus({ url: address, source: '/shop' })
  return {
    seen: () => 0,
    async measure(events) {
      for (let from = 0; from < events; from += batch) {
        const count = Math.min(batch, events - from)
        await bus.publish(Array.from({ length: count }, (_, at) => orderPlaced.create(orderOf(from + at))))
      }
      // Else the server would do it beside whoever reads first.
      if (url !== undefined) await onServer(String(url), 'vacuum analyze')
      return events
    },
    close: () => bus.close(),
  }
}

async function onServer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(statement)
  await client.end()
}
