/**
 * One stream of many is poisoned. `sick` publishes all events and cannot handle the second one of that stream; `well` can, and goes on
 * publishing to that stream and others; `quiet` can, and publishes nothing. All end by SIGTERM.
 *
 *   node --conditions=source poison-service.ts FILE sick|well|quiet BASE STREAMS SUCCESSORS
 */
import { setTimeout as pause } from 'node:timers/promises'
import { sqlite } from '@tidings/sqlite'
import { createEventBus, PermanentError } from 'tidings'
import { runService } from 'tidings/node'

import { type Count, Counted, countersTable, counting } from './counters.ts'

const [file = '', mode = 'sick', base = '0', streams = '1000', successors = '200'] = process.argv.slice(2)
const poisoned = 'c-0'

const bus = await createEventBus({ store: sqlite(file), source: '/chaos', transport: { lease: '300ms' } })
await bus.transaction(({ tx }) => tx.sql`${countersTable}`)
bus.subscribe('counter.counted', { name: 'counting', from: 'beginning' }, async (event, { write }) => {
  const count = event.data as Count
  if (count.counter === poisoned) {
    if (mode === 'sick' && count.sequence === 2) throw new PermanentError('This one can never be counted')
    // Slow enough to be killed in the middle.
    await pause(2)
  }
  write(counting(count))
})
await runService(bus)
process.stdout.write('ready\n')

const publish = (counts: readonly Count[]): Promise<unknown> =>
  bus.publish(counts.map((count) => Counted.create(count)))

if (mode === 'sick') {
  for (let sequence = 1; sequence <= 4; sequence++) {
    for (let at = 0; at < Number(streams); at += 100) {
      await publish(Array.from({ length: 100 }, (_, next) => ({ counter: `c-${at + next}`, sequence })))
    }
  }
  for (let sequence = 5; sequence < 5 + Number(successors); sequence++) await publish([{ counter: poisoned, sequence }])
  process.stdout.write('published\n')
}
for (let sequence = Number(base); mode === 'well'; sequence++) {
  await publish([poisoned, `c-${1 + (sequence % (Number(streams) - 1))}`].map((counter) => ({ counter, sequence })))
  await pause(3)
}
