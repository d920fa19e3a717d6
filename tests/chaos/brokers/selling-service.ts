/**
 * A service that publishes: each line `burst N` on its standard input publishes N events at once, `pace N` so many a second from then on, `end` ends it
 * when the broker has everything. It tells every acknowledgement on its standard output.
 *
 *   node --conditions=source selling-service.ts STORE-URL BROKER-URL
 */
import { createInterface } from 'node:readline'

import { createEventBus, defineEvent } from 'tidings'

export const Sold = defineEvent<{ stream: string; sequence: number }>('sale.sold', { key: ({ stream }) => stream })

const streams = 100

async function main(): Promise<void> {
  const [url = '', transportUrl = ''] = process.argv.slice(2)
  process.on('unhandledRejection', (reason) => say(`unhandled ${String(reason)}`))
  const bus = await createEventBus({ url, transportUrl, source: '/selling' })
  await bus.start()
  let published = 0
  let acknowledged = 0
  let pace = 0
  const publish = async (): Promise<void> => {
    const sequence = ++published
    const stream = `s-${sequence % streams}`
    await bus.publish(Sold, { stream, sequence })
    acknowledged++
    say(`ack ${stream} ${sequence}`)
  }
  const tick = setInterval(() => {
    for (let at = 0; at < pace / 20; at++) void publish()
  }, 50)
  say('ready')
  for await (const line of createInterface({ input: process.stdin })) {
    const [word, count] = line.split(' ')
    if (word === 'pace') pace = Number(count)
    else if (word === 'burst') {
      await Promise.all(Array.from({ length: Number(count) }, publish))
      say(`burst ${acknowledged}`)
    } else break
  }
  clearInterval(tick)
  while (acknowledged < published) await new Promise((resolve) => setTimeout(resolve, 20))
  say(`published ${published}`)
  await new Promise<void>((resolve) => process.once('SIGTERM', () => resolve()))
  const began = performance.now()
  await bus.close({ deadline: 5_000 })
  say(`closed ${Math.round(performance.now() - began)}`)
  process.exit()
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

if (process.argv[1] === import.meta.filename) await main()
