import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createEventBus, defineEvent, operationsOf } from 'tidings'
import { expect, onTestFinished, test } from 'vitest'

const Placed = defineEvent('order.placed')

/** Answers every connection with a word. */
async function listen(port: number): Promise<Server> {
  const server = createServer((socket) => socket.end('fine'))
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

async function ask(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.on('data', (part) => (answer += String(part)))
  await once(socket, 'close')
  return answer
}

test('a server that refuses connections for some seconds spends no attempt, and work resumes by itself when it is back', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-outage-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const before = await listen(0)
  const { port } = before.address() as AddressInfo
  before.close()
  await once(before, 'close')

  const bus = await createEventBus({ url: `sqlite:${join(folder, 'tidings.db')}` })
  onTestFinished(() => bus.close())
  const attempts: number[] = []
  const answers: string[] = []
  bus.subscribe(Placed, { name: 'pricing', retry: { tries: 2, backoff: [10] } }, async (_, { attempt }) => {
    attempts.push(attempt)
    answers.push(await ask(port))
  })
  await bus.start()
  await bus.publish(Array.from({ length: 30 }, (_, at) => Placed.create({ id: `o-${at}` })))
  // The outage itself takes its time.
  await pause(2_500)
  expect(attempts.length).toBeGreaterThan(1)
  expect(answers).toEqual([])
  const { subscriptions } = await operationsOf(bus).status()
  expect(subscriptions[0]).toMatchObject({ name: 'pricing', parked: { dead: 0, retry: 0, behind: 0, upgrade: 0 } })

  const back = await listen(port)
  onTestFinished(() => void back.close())
  await expect.poll(() => answers.length, { timeout: 20_000 }).toBe(30)
  expect(new Set(answers)).toEqual(new Set(['fine']))
  expect(new Set(attempts)).toEqual(new Set([1]))
})
