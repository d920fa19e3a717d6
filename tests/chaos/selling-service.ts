/**
 * A service that publishes: each line `burst N` on its standard input publishes N events at once, `pace N` so many a second from then on, `end` ends it
 * when everything is acknowledged. It tells every acknowledgement on its standard output. What is not acknowledged is published again with the same
 * id until it is, and no event of a stream before the one that came before it.
 *
 *   node --conditions=source selling-service.ts STORE-URL [BROKER-URL]
 */
import { randomUUID } from 'node:crypto'
import { createInterface } from 'node:readline'

import { createEventBus, defineEvent, isTidingsError } from 'tidings'

export interface Sale {
  readonly stream: string
  readonly sequence: number
  /** Milliseconds that whoever hears it has to do with it. */
  readonly work: number
}

export const Sold = defineEvent<Sale>('sale.sold', { key: ({ stream }) => stream })

const streams = 100
/** What a burst brings keeps instances busy, so that work lies waiting when something breaks; what comes at a pace does not. */
const work = { burst: 20, pace: 2 } as const

async function main(): Promise<void> {
  const [url = '', transportUrl] = process.argv.slice(2)
  process.on('unhandledRejection', (reason) => say(`unhandled ${String(reason)}`))
  const bus = await createEventBus({ url, source: '/selling', ...(transportUrl !== undefined && { transportUrl }) })
  await bus.start()
  let published = 0
  let acknowledged = 0
  let pace = 0
  const before = new Map<string, Promise<void>>()
  const persist = async (sale: Sale, id: string): Promise<void> => {
    for (;;) {
      try {
        await bus.publish(Sold, sale, { id })
        break
      } catch (error) {
        if (!isTidingsError(error, 'TIDINGS_STORE_UNAVAILABLE') && !isTidingsError(error, 'TIDINGS_COMMIT_UNKNOWN'))
          throw error
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
    acknowledged++
    say(`ack ${sale.stream} ${sale.sequence}`)
  }
  const publish = (kind: keyof typeof work): void => {
    const sequence = ++published
    const stream = `s-${sequence % streams}`
    const done = (before.get(stream) ?? Promise.resolve()).then(() =>
      persist({ stream, sequence, work: work[kind] }, randomUUID()),
    )
    before.set(stream, done)
  }
  const tick = setInterval(() => {
    for (let at = 0; at < pace / 20; at++) publish('pace')
  }, 50)
  say('ready')
  for await (const line of createInterface({ input: process.stdin })) {
    const [word, count] = line.split(' ')
    if (word === 'pace') pace = Number(count)
    else if (word === 'burst') for (let at = 0; at < Number(count); at++) publish('burst')
    else break
  }
  clearInterval(tick)
  while (acknowledged < published) await new Promise((resolve) => setTimeout(resolve, 20))
  say(`published ${published}`)
  await new Promise<void>((resolve) => process.once('SIGTERM', () => resolve()))
  const began = performance.now()
  await bus.close({ deadline: 3_000 })
  say(`closed ${Math.round(performance.now() - began)}`)
  process.exit()
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

if (process.argv[1] === import.meta.filename) await main()
