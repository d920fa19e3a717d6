/**
 * A handler that takes its time, and EVENTS events published as fast as batches go (none: another process does). Says `idle` and waits for
 * SIGUSR2 before it begins, says `published` at the end, and goes on handling until it is killed.
 *
 *   node --conditions=source backlog-service.ts FILE SUBSCRIPTION EVENTS
 */
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { sqlite } from '@tidings/sqlite'
import { createEventBus, defineEvent } from 'tidings'

const [file = '', name = '', events = '0'] = process.argv.slice(2)
const batch = 1_000

const Ticked = defineEvent('clock.ticked', { key: (data) => (data as { clock: string }).clock })

const bus = await createEventBus({ store: sqlite(file) })
let handled = 0
bus.subscribe('clock.ticked', { name }, async () => {
  await pause(20)
  handled++
})
await bus.start()

const begin = once(process, 'SIGUSR2')
process.stdout.write('idle\n')
await begin

const note = 'n'.repeat(200)
for (let at = 0; at < Number(events); at += batch) {
  await bus.publish(
    Array.from({ length: batch }, (_, next) =>
      Ticked.create({ clock: `c-${(at + next) % 5_000}`, at: at + next, note }),
    ),
  )
}
process.stdout.write(`published, handled ${handled}\n`)
