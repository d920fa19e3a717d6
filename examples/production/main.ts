import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

import { prometheusMeter } from '@tidings/prometheus'
import { sqlite } from '@tidings/sqlite'
import { busStatus, createEventBus, defineEvent, type Log, reasonsNotReady, statusGauges } from 'tidings'
import { runService } from 'tidings/node'
import { z } from 'zod'

const OrderPlaced = defineEvent('order.placed', {
  schema: z.object({ orderId: z.string() }),
  key: (order) => order.orderId,
})

// #region bus
const log: Log = (level, message, fields) => {
  if (level !== 'debug') console.log(JSON.stringify({ level, message, ...fields }))
}
const meter = prometheusMeter({ labels: { service: 'shop' } })

const bus = await createEventBus({
  store: sqlite('./shop.db', { durability: 'full', busyTimeout: 10_000 }),
  source: '/shop',
  concurrency: 50,
  publish: { maxBytes: 262_144, rate: 5_000 },
  log,
  meter,
})
// #endregion bus

bus.subscribe(OrderPlaced, { name: 'packing' }, () => {})

// #region http
const look = statusGauges(bus, meter)

const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  if (request.url === '/metrics') {
    await look()
    response.setHeader('content-type', meter.contentType).end(await meter.text())
  } else if (request.url === '/health/live') {
    response.end('live')
  } else if (request.url === '/health/ready') {
    const reasons = reasonsNotReady(await busStatus(bus))
    response.writeHead(reasons.length === 0 ? 200 : 503).end(reasons.join('\n') || 'ready')
  } else {
    response.writeHead(404).end()
  }
}

const server = createServer((request, response) => void answer(request, response))
// #endregion http

// #region run
await runService(bus, {
  deadline: 10_000, // what runs may finish
  before: () => void server.close(), // nothing new comes in while it drains
  after: () => console.log('drained'),
})
server.listen(0, '127.0.0.1')
// #endregion run

server.on('listening', () => void tryOut())

async function tryOut(): Promise<void> {
  const { port } = server.address() as { port: number }
  const ask = async (path: string): Promise<string> => (await fetch(`http://127.0.0.1:${port}${path}`)).text()
  console.log(`ready: ${await ask('/health/ready')}`)
  await bus.publish(OrderPlaced, { orderId: 'o-1' })
  const lines = (await ask('/metrics')).split('\n')
  console.log(lines.find((line) => line.startsWith('messaging_client_sent_messages_total')))
}
