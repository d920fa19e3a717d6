/**
 * A process to be recorded while it writes: publishes COUNT events in groups of four, tells every acknowledgement by a plain `write` on its
 * standard output, counts what it handles by `n = n + 1`, and closes.
 *
 *   node --conditions=source durable-service.ts FILE full|normal|off COUNT
 */
import { writeSync } from 'node:fs'
import { type SqliteOptions, sqlite } from '@tidings/sqlite'
import { createEventBus, defineEvent, sql } from 'tidings'

const [file = '', durability = 'full', count = '100'] = process.argv.slice(2)

const Counted = defineEvent('counter.counted', { key: (data) => (data as { counter: string }).counter })

const bus = await createEventBus({
  store: sqlite(file, { durability: durability as NonNullable<SqliteOptions['durability']>, partitions: 2 }),
  source: '/chaos',
})
await bus.transaction(({ tx }) => tx.sql`create table counters (counter text primary key, n integer not null)`)
bus.subscribe('counter.counted', { name: 'counting', from: 'beginning' }, (event, { write, tx }) => {
  const { counter, sequence } = event.data as { counter: string; sequence: number }
  const counts = sql`insert into counters values (${counter}, 1) on conflict do update set n = n + 1`
  if (sequence % 10 === 0) return tx.sql`${counts}`
  write(counts)
  return undefined
})
await bus.start()

// Incompressible to SQLite: the write-ahead log reaches its checkpoint several times.
const filling = 'x'.repeat(9_000)
for (let sequence = 0; sequence < Number(count); sequence += 4) {
  const group = [0, 1, 2, 3].map((at) => ({ counter: `c-${(sequence + at) % 20}`, sequence: sequence + at, filling }))
  await Promise.all(
    group.map(async (data) => {
      const receipt = await bus.publish(Counted, data)
      writeSync(1, `ack ${receipt.id}\n`)
    }),
  )
}
await bus.close()
