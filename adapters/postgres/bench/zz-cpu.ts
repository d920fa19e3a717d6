import { readFileSync } from 'node:fs'
import pg from 'pg'
import { checksumOf, type EventRecord, partitionOf, realRuntime, silentLog, silentMeter, streamText } from 'tidings/spi'
import { streamId, uuidText } from '../src/commit/identities.ts'
import { postgres } from '../src/index.ts'
import { relationsOf } from '../src/relations.ts'

const url = process.env['POSTGRES_URL'] as string
const host = { runtime: realRuntime(), log: silentLog, meter: silentMeter }
const streams = Number(process.argv[2] ?? 1000),
  group = Number(process.argv[3] ?? 256),
  N = 25600
function recordOf(at: number): EventRecord {
  const id = host.runtime.id()
  const r = {
    id,
    source: '/shop',
    type: 'order.placed',
    version: '1.0.0',
    category: 'order',
    key: streams === 0 ? id : `o-${at % streams}`,
    tenant: 'acme',
    time: Date.now(),
    priority: 2,
    correlation: id,
    causation: '',
    context: '{"userId":"u-1","actor":"user:u-1"}',
    data: JSON.stringify({
      orderId: `o-${at}`,
      customerId: 'c-98765',
      total: 99.9,
      currency: 'EUR',
      note: 'x'.repeat(250),
    }),
    encoding: '',
    fresh: true,
  }
  return { ...r, checksum: checksumOf(r), seal: '' }
}
const tick = 10
function backend(pid: number): number {
  const s = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(s[11]) + Number(s[12])) * tick
}
const a = `zz_${host.runtime.id().slice(-6)}`,
  b = a + 'b'
const store = await postgres(url, { schema: a }).open(host)
await (await postgres(url, { schema: b }).open(host)).close()
const client = new pg.Client(url)
await client.connect()
const admin = new pg.Client(url)
await admin.connect()
const pids = (await admin.query(`select pid, query from pg_stat_activity where application_name='tidings'`)).rows
const { events } = relationsOf(b, 'events')
const columns =
  'position bigint, stream_version bigint, time bigint, stream uuid, partition smallint, priority smallint, id text, source text, type text, version text, tenant text, category text, key text, correlation text, causation text, encoding text, checksum text, seal text, context text, data text'
const names = columns.split(', ').map((c) => c.split(' ') as [string, string])
const text = `insert into ${events} (${names.map(([n]) => n).join(', ')}) select * from unnest(${names.map(([, t], at) => `$${at + 1}::${t}[]`).join(', ')})`
const versions = new Map<string, any>()
let position = 0
async function rawWrite(records: readonly EventRecord[]) {
  const values = names.map((): unknown[] => [])
  for (const record of records) {
    let s = versions.get(record.key)
    if (!s) {
      s = { version: 0, id: uuidText(streamId(record)), partition: partitionOf(streamText(record), 8) }
      versions.set(record.key, s)
    }
    const row: any = {
      ...record,
      position: ++position,
      stream_version: ++s.version,
      stream: s.id,
      partition: s.partition,
      correlation: null,
    }
    names.forEach(([n], c) => values[c]!.push(row[n]))
  }
  await client.query({ name: 'insert', text, values })
}
const storeWrite = async (records: readonly EventRecord[]) => {
  await store.commit(records.map((r) => ({ append: [r] })))
}
for (let round = 0; round < 4; round++)
  for (const [name, write, pid] of [
    ['raw', rawWrite, (client as any).processID],
    ['store', storeWrite, pids.at(-1).pid],
  ] as const) {
    const records = Array.from({ length: N }, (_, at) => recordOf(at))
    const b0 = backend(pid),
      c0 = process.cpuUsage(),
      t0 = performance.now()
    for (let at = 0; at < N; at += group) await write(records.slice(at, at + group))
    const c = process.cpuUsage(c0)
    console.log(
      name.padEnd(6),
      'backend µs/event',
      (((backend(pid) - b0) * 1000) / N).toFixed(2),
      ' node µs/event',
      ((c.user + c.system) / N).toFixed(2),
      ' wall',
      (((performance.now() - t0) * 1000) / N).toFixed(2),
    )
  }
await store.close()
await client.end()
await admin.query(`drop schema ${a} cascade`)
await admin.query(`drop schema ${b} cascade`)
await admin.end()
