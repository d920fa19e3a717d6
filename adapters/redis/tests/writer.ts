/**
 * A process that writes until it is killed: `writer.ts <url> <prefix> <name> [units]`. Each unit holds one to three events of the stream `<name>`
 * and raises a counter by as many; what was acknowledged is told on standard output, after the fact.
 */
import { writeSync } from 'node:fs'

import { checksumOf, realRuntime, silentLog, silentMeter } from 'tidings/spi'

import { redis } from '../src/index.ts'

const [url = '', prefix = '', name = '', units = 'Infinity'] = process.argv.slice(2)
const runtime = realRuntime()
const store = await redis(url, { prefix }).open({ runtime, log: silentLog, meter: silentMeter })
writeSync(1, 'open\n')

for (let unit = 0; unit < Number(units); unit++) {
  const [count] = await store.find('count', { id: name })
  const events = Number(count?.body ?? 0)
  const append = Array.from({ length: 1 + Math.floor(runtime.random() * 3) }, () => {
    const id = runtime.id()
    const base = { id, source: '/writer', type: 'tick', version: '1.0.0', category: 'tick', key: name, tenant: '' }
    const rest = { time: runtime.now(), priority: 2, correlation: id, causation: '', context: '', encoding: '' }
    const one = { ...base, ...rest, data: JSON.stringify('x'.repeat(Math.floor(runtime.random() * 3_000))) }
    return { ...one, checksum: checksumOf(one), seal: '', fresh: true }
  })
  const total = events + append.length
  const [result] = await store.commit([
    {
      expect: [
        { stream: { tenant: '', category: 'tick', key: name }, version: events },
        { collection: 'count', id: name, version: count?.version ?? 0 },
      ],
      append,
      documents: [{ collection: 'count', id: name, put: String(total), index: { total } }],
    },
  ])
  if (result?.status !== 'committed') throw new Error(`Expected to commit, got ${result?.status}.`)
  writeSync(1, `${total}\n`)
}
await store.close()
