/**
 * One of several processes on one file: publishes without pause until told to end, and handles, some events in no time, some slowly, some in a
 * transaction of their own. Tells every acknowledgement, and what its log says. Ends by SIGTERM as `runService` does.
 *
 *   node --conditions=source busy-service.ts FILE NAME BASE publish|listen [HANGING]
 */
import { writeSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { sqlite } from '@tidings/sqlite'
import { createEventBus, isTidingsError } from 'tidings'
import { runService } from 'tidings/node'

import { type Count, Counted, countersTable, counting } from './counters.ts'

const [file = '', name = '', base = '0', mode = 'publish', hanging = ''] = process.argv.slice(2)
const deadline = 5_000

const bus = await createEventBus({
  store: sqlite(file),
  source: '/chaos',
  transport: { lease: '300ms' },
  log: (level, message) => {
    if (level === 'warn' || level === 'error') writeSync(1, `log ${message}\n`)
  },
})
await bus.transaction(({ tx }) => tx.sql`${countersTable}`)
bus.subscribe('counter.counted', { name: 'counting', from: 'beginning' }, async (event, { write, tx }) => {
  const count = event.data as Count
  if (hanging !== '') {
    writeSync(1, 'hanging\n')
    await new Promise(() => setInterval(() => {}, 1_000))
  }
  if (count.sequence % 3 === 0) await pause(5)
  if (count.sequence % 10 === 0) await tx.sql`${counting(count)}`
  else write(counting(count))
})

let ending = false
await runService(bus, { deadline, before: () => void (ending = true) })
writeSync(1, 'ready\n')

// Streams of its own, so that their order is the order in which it publishes.
let sequence = Number(base)
const publishers = Array.from({ length: mode === 'publish' ? 8 : 0 }, async (_, at) => {
  while (!ending) {
    const count = { counter: `${name}-${at}`, sequence: ++sequence }
    try {
      const receipt = await bus.publish(Counted, count)
      writeSync(1, `ack ${receipt.id}\n`)
    } catch (error) {
      if (!isTidingsError(error, 'TIDINGS_CLOSED')) throw error
    }
    await pause(2)
  }
})
await Promise.all(publishers)
