/**
 * A process that publishes and listens until it is told to close: then it closes and must end by itself, for nothing may keep it alive.
 * Prints `ready`, then `closed` with the milliseconds that closing took and what became of a publish and a subscribe that were under way.
 */
import { once } from 'node:events'

import { realRuntime, silentLog, silentMeter } from 'tidings/spi'

import { kafka } from '../src/index.ts'
import { eventOf } from './events.ts'
import { Listener } from './listener.ts'

const [broker = '', prefix = ''] = process.argv.slice(2)
const host = { runtime: realRuntime(), log: silentLog, meter: silentMeter }
const transport = await kafka({ brokers: [broker], prefix, sessionTimeout: 6_000, closeTimeout: 1_000 }).open(host)
const listener = await new Listener().join(transport, { group: 'closing', topics: ['order'] })
const first = eventOf()
await transport.publish([first])
while (!listener.ids.includes(first.id)) await new Promise((resolve) => setImmediate(resolve))
process.stdout.write('ready\n')
await once(process.stdin, 'data')
const publishing = transport.publish([eventOf({ key: 'hanging' })]).then(([outcome]) => outcome?.status)
const joining = transport.subscribe({ group: 'too late', topics: ['order'] }, new Listener()).then(
  () => 'joined',
  (error: { code: string }) => error.code,
)
const began = performance.now()
await transport.close()
const ms = performance.now() - began
process.stdout.write(
  JSON.stringify({
    closed: ms,
    published: await publishing,
    joined: await joining,
    told: listener.told,
    owned: listener.owned.size,
  }),
)
process.stdin.destroy()
