import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

import {
  createEventBus,
  defineEvent,
  fromStructured,
  type ImportLine,
  isTidingsError,
  operationsOf,
  toStructured,
} from 'tidings'
import { z } from 'zod'

// #region define
const MeterRead = defineEvent('meter.read', {
  version: '1.0.0',
  schema: z.object({ meterId: z.string(), kwh: z.number() }),
  key: (reading) => reading.meterId,
})
// #endregion define

const bus = await createEventBus({ url: 'memory:', source: '/energy' })

// #region subscribe
bus.subscribe(MeterRead, { name: 'bills' }, ({ source, key, data }) => {
  console.log(`${source} read ${data.kwh} kWh at ${key}`)
})
// #endregion subscribe
await bus.start()

// #region take-in
const { events } = operationsOf(bus)

async function* oneLine(bytes: Uint8Array): AsyncIterable<ImportLine> {
  yield { number: 1, bytes }
}

const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of request as AsyncIterable<Uint8Array>) chunks.push(chunk)
  for await (const { stored, duplicates, refusals } of events.import(oneLine(Buffer.concat(chunks)), {
    maxBytes: 65_536,
  })) {
    if (refusals[0] !== undefined) response.writeHead(400).end(`${refusals[0].code}: ${refusals[0].message}`)
    else response.writeHead(stored === 1 ? 202 : 200).end(duplicates === 1 ? 'known already' : 'stored')
  }
}

const server = createServer((request, response) => void take(request, response))
// #endregion take-in

server.listen(0, '127.0.0.1')
await new Promise((resolve) => server.on('listening', resolve))
const { port } = server.address() as { port: number }

const send = async (event: object): Promise<void> => {
  const body = JSON.stringify(event)
  const headers = { 'content-type': 'application/cloudevents+json' }
  const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers, body })
  console.log(response.status, await response.text())
}

// #region event
const reading = {
  specversion: '1.0',
  id: 'r-1',
  source: 'https://meters.example/north',
  type: 'meter.read',
  time: '2026-03-01T08:00:00Z',
  subject: 'm-7',
  data: { meterId: 'm-7', kwh: 41.5 },
}
// #endregion event
await send(reading)
await send(reading)
await send({ ...reading, id: undefined })

// #region read
try {
  fromStructured('{"specversion":"1.0","id":"r-2","source":"/x"}', { now: Date.now() })
} catch (error) {
  if (isTidingsError(error)) console.log(error.code, error.details)
}
// #endregion read

// #region give-out
for await (const { record } of events.search({ types: ['meter.*'] })) console.log(toStructured(record))
// #endregion give-out

server.close()
await bus.close()
