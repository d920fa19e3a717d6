/**
 * A process to be killed: publishes without pause, tells every acknowledgement on its standard output, and counts what it
 * handles by `n = n + 1`, so that handling anything twice shows.
 *
 *   node --conditions=source counting-service.ts FILE BASE publish|drain
 */

import { sqlite } from '@tidings/sqlite'
import { createEventBus, defineEvent, sql } from 'tidings'

const [file = '', base = '0', mode = 'publish'] = process.argv.slice(2)

const Counted = defineEvent('counter.counted', { key: (data) => (data as { counter: string }).counter })

const counters = 50

async function main(): Promise<void> {
  const bus = await createEventBus({ store: sqlite(file), source: '/chaos', transport: { lease: '300ms' } })
  await bus.transaction(async ({ tx }) => {
    await tx.sql`create table if not exists counters (counter text primary key, n integer not null, last integer not null, disordered integer not null)`
    for (let at = 0; at < counters; at++) await tx.sql`insert or ignore into counters values (${`c-${at}`}, 0, 0, 0)`
  })
  bus.subscribe(
    'counter.counted',
    { name: 'counting', from: 'beginning', timeout: '10s' },
    (event, { write, tx, attempt }) => {
      const { counter, sequence } = event.data as { counter: string; sequence: number }
      const count = sql`update counters set n = n + 1, disordered = disordered + (last >= ${sequence}), last = ${sequence} where counter = ${counter}`
      // Both ways a handler can write must survive: SQL as data, and a transaction of its own.
      if (sequence % 20 !== 0) {
        write(count)
        return
      }
      return tx.sql`${count}`.then(() => attempt)
    },
  )
  await bus.start()
  process.stdout.write('ready\n')
  if (mode === 'publish') await Promise.all(Array.from({ length: 16 }, () => publishForever()))
  else await drained()
  await bus.close()

  async function publishForever(): Promise<never> {
    for (;;) {
      const sequence = next++
      const counter = `c-${sequence % counters}`
      const receipt = await bus.publish(Counted, { counter, sequence })
      process.stdout.write(`ack ${receipt.id} ${counter} ${sequence}\n`)
    }
  }

  async function drained(): Promise<void> {
    for (;;) {
      let logged = 0
      for await (const _ of bus.store.readAll()) logged++
      const [row] = await bus.transaction(({ tx }) => tx.sql`select sum(n) as handled from counters`)
      if (row?.handled === logged) break
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    process.stdout.write('drained\n')
  }
}

let next = Number(base) + 1

await main()
