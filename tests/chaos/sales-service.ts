/**
 * One of several instances of a service that hears the sales and counts them in a store that they share, so that handling anything twice shows: by
 * `n = n + 1` where the store takes SQL, and everywhere by an event that the handler publishes.
 *
 *   node --conditions=source sales-service.ts STORE-URL [BROKER-URL]
 */
import { createEventBus, defineEvent, sql } from 'tidings'

import { type Sale, Sold } from './selling-service.ts'

export const SaleCounted = defineEvent<Sale>('count.counted', { key: ({ stream }) => stream })

async function main(): Promise<void> {
  const [url = '', transportUrl] = process.argv.slice(2)
  process.on('unhandledRejection', (reason) => say(`unhandled ${String(reason)}`))
  const bus = await createEventBus({
    url,
    source: '/counting',
    ...(transportUrl !== undefined && {
      transportUrl,
      inbox: { from: 'beginning' },
      route: [{ type: SaleCounted.type, to: 'local' }],
    }),
    log: (level, message, fields) => {
      if (message === 'An attempt has failed' && fields?.['verdict'] !== 'unavailable')
        say(`failed ${String(fields?.['verdict'])} ${String(fields?.['error'])}`)
      if (level !== 'debug')
        process.stderr.write(`${new Date().toISOString()} ${level} ${message} ${JSON.stringify(fields)}\n`)
    },
  })
  const speaksSql = url.startsWith('postgres')
  const options = { name: 'count', from: 'beginning', concurrency: 4 } as const
  bus.subscribe(Sold, options, async ({ data }, { write, tx, publish, attempt }) => {
    if (attempt > 1) say(`attempt ${attempt} ${data.sequence}`)
    const { sequence, work } = data
    await new Promise((resolve) => setTimeout(resolve, work))
    // Both ways in which SQL joins a unit: as data, and in a transaction that is held open.
    if (speaksSql && sequence % 10 === 0) await tx.sql`${counting(data)}`
    else if (speaksSql) write(counting(data))
    await publish(SaleCounted, data)
  })
  await bus.start()
  say('ready')
  await new Promise<void>((resolve) => process.once('SIGTERM', () => resolve()))
  const began = performance.now()
  await bus.close({ deadline: 3_000 })
  say(`closed ${Math.round(performance.now() - began)}`)
  process.exit()
}

function counting({ stream, sequence }: Sale): ReturnType<typeof sql> {
  return sql`
    insert into counters values (${stream}, 1, ${sequence}, 0)
    on conflict (stream) do update set n = counters.n + 1, last = ${sequence},
      disordered = counters.disordered + case when counters.last >= ${sequence} then 1 else 0 end`
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

if (process.argv[1] === import.meta.filename) await main()
