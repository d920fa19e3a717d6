/**
 * One of several instances of a service that hears the sales behind a broker, and counts them in a store that they share: `n = n + 1`, so that
 * handling anything twice shows.
 *
 *   node --conditions=source counting-service.ts STORE-URL BROKER-URL
 */
import { createEventBus, sql } from 'tidings'

import { Sold } from './selling-service.ts'

const [url = '', transportUrl = ''] = process.argv.slice(2)

process.on('unhandledRejection', (reason) => say(`unhandled ${String(reason)}`))
const bus = await createEventBus({
  url,
  transportUrl,
  source: '/counting',
  inbox: { from: 'beginning' },
  log: (level, message, fields) => {
    if (level === 'error' || level === 'warn') process.stderr.write(`${level} ${message} ${JSON.stringify(fields)}\n`)
  },
})
bus.subscribe(Sold, { name: 'count', from: 'beginning', concurrency: 4 }, async ({ data }, { write, attempt }) => {
  if (attempt > 1) say(`attempt ${attempt} ${data.sequence}`)
  // Long enough that work lies waiting when something breaks.
  await new Promise((resolve) => setTimeout(resolve, 2))
  const { stream, sequence } = data
  write(sql`
    insert into counters values (${stream}, 1, ${sequence}, 0)
    on conflict (stream) do update set n = counters.n + 1, last = ${sequence},
      disordered = counters.disordered + case when counters.last >= ${sequence} then 1 else 0 end`)
})
await bus.start()
say('ready')
await new Promise<void>((resolve) => process.once('SIGTERM', () => resolve()))
const began = performance.now()
await bus.close({ deadline: 5_000 })
say(`closed ${Math.round(performance.now() - began)}`)
process.exit()

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
