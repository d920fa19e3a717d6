/**
 * A process that writes until it is killed: `writer.ts <url> <name> [units]`. Each unit holds one to three events of the stream `<name>`, raises a
 * counter by as many, and every third one runs SQL, too; what was acknowledged is told on standard output, after the fact.
 */
import { writeSync } from 'node:fs'

import { isTidingsError, realRuntime, silentLog, silentMeter } from 'tidings/spi'

import { postgres } from '../src/index.ts'
import { record } from './records.ts'

const [url = '', name = '', units = 'Infinity'] = process.argv.slice(2)
const runtime = realRuntime()
const store = await postgres(url).open({ runtime, log: silentLog, meter: silentMeter })
writeSync(1, 'open\n')

for (let unit = 0; unit < Number(units); unit++) {
  const [count] = await store.find('count', { id: name })
  const events = Number(count?.body ?? 0)
  const append = Array.from({ length: 1 + Math.floor(runtime.random() * 3) }, () => ({
    ...record({ id: runtime.id(), key: name, category: 'tick' }),
    data: JSON.stringify('x'.repeat(Math.floor(runtime.random() * 3_000))),
    fresh: true,
  }))
  const total = events + append.length
  const stream = { tenant: '', category: 'tick', key: name }
  const step = {
    expect: [
      { stream, version: events },
      { collection: 'count', id: name, version: count?.version ?? 0 },
    ],
    append,
    documents: [{ collection: 'count', id: name, put: String(total), index: { total } }],
    ...(unit % 3 === 0 && {
      statements: [{ text: ['insert into tick values (', ', ', ')'], values: [name, append.length] }],
    }),
  }
  const [result] = await store.commit([step]).catch((error: unknown) => {
    if (isTidingsError(error, 'TIDINGS_COMMIT_UNKNOWN'))
      return store.commit([{ ...step, append: append.map((one) => ({ ...one, fresh: false })) }])
    throw error
  })
  if (result?.status !== 'committed') throw new Error(`Expected to commit, got ${JSON.stringify(result)}.`)
  writeSync(1, `${total}\n`)
}
await store.close()
