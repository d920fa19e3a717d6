import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createEventBus, defineEvent } from 'tidings'
import { filePayloads } from 'tidings/node'

const ReportFinished = defineEvent<{ reportId: string; html: string }>('report.finished', {
  version: '1.0.0',
  key: (report) => report.reportId,
})
const folder = mkdtempSync(join(tmpdir(), 'payloads-'))

// #region open
const bus = await createEventBus({
  url: 'sqlite:./reports.db',
  payloads: filePayloads(folder),
  publish: { maxBytes: 10_000_000, claimAbove: 256_000 },
})
// #endregion open

const heard = Promise.withResolvers<void>()
bus.subscribe(ReportFinished, { name: 'mailer' }, ({ data }) => {
  console.log(`mails a report of ${data.html.length} characters`)
  heard.resolve()
})
await bus.start()
await bus.publish(ReportFinished, { reportId: 'r-1', html: '<p>figures</p>'.repeat(100_000) })
await heard.promise

// #region sweep
const month = 30 * 86_400_000
const gone = await filePayloads(folder).sweep(Date.now() - month)
// #endregion sweep
console.log(`${gone} payloads let go`)
await bus.close()
