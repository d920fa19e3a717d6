import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

import { UnavailableError } from 'tidings'
import { afterEach, beforeEach, expect, it } from 'vitest'

import type { Mail } from './domain/mail.ts'
import { type Mailer, smtpMailer } from './mailer.ts'
import { type ScriptedMailServer, scriptedMailServer } from './scripted-mail-server.ts'

let server: ScriptedMailServer
let mailer: Mailer

beforeEach(async () => {
  server = scriptedMailServer()
  await server.listen()
  mailer = smtpMailer({ url: `smtp://127.0.0.1:${server.port}`, from: 'test@example.com', answersWithin: 2_000 })
})
afterEach(async () => {
  mailer.close()
  await server.goAway()
})

const mail = (name: string): Mail => ({
  to: `${name}@example.com`,
  subject: 'Test',
  text: `Hello ${name}`,
  messageId: `<${name}@example.com>`,
})
const never = new AbortController().signal
const recipients = (): string[] => server.mails.map((one) => /^To: (.*)$/m.exec(one)?.[1] ?? '')

/** How a mail failed. */
async function failureOf(sending: Promise<void>): Promise<Error> {
  return sending.then(
    () => {
      throw new Error('It was sent')
    },
    (error: Error) => error,
  )
}

it.each(['silentTo', 'hangsUpOn'] as const)('counts an attempt at a mail that the server %s', async (how) => {
  server[how].add('slow@example.com')
  const failure = await failureOf(mailer.send(mail('slow'), never))
  expect(recipients()).toEqual(['slow@example.com'])
  expect(failure).not.toBeInstanceOf(UnavailableError)
  // Anything in here that looks like a lost connection would be taken for a server that is away.
  expect(failure.cause).toBeUndefined()
  expect(failure.message).not.toContain('example.com')
  await mailer.send(mail('other'), never)
})

it('counts none where no connection can be made, also right after one that stood', async () => {
  await mailer.send(mail('first'), never)
  await server.goAway()
  expect(await failureOf(mailer.send(mail('second'), never))).toBeInstanceOf(UnavailableError)
  await server.listen()
  await mailer.send(mail('second'), never)
  expect(recipients()).toEqual(['first@example.com', 'second@example.com'])
})

it('counts none where the server hangs up before it greets', async () => {
  const rude = createServer((socket: Socket) => socket.destroy()).listen(0, '127.0.0.1')
  await once(rude, 'listening')
  const { port } = rude.address() as { port: number }
  const other = smtpMailer({ url: `smtp://127.0.0.1:${port}`, from: 'test@example.com' })
  try {
    expect(await failureOf(other.send(mail('one'), never))).toBeInstanceOf(UnavailableError)
  } finally {
    other.close()
    rude.close()
  }
})

it('does not send what is withdrawn while it waits, and breaks off what is under way', async () => {
  server.silentTo.add('a@example.com').add('b@example.com')
  const withdrawn = new AbortController()
  const stuck = ['a', 'b'].map((name) => failureOf(mailer.send(mail(name), withdrawn.signal)))
  const waiting = failureOf(mailer.send(mail('c'), withdrawn.signal))
  await expect.poll(() => recipients().toSorted()).toEqual(['a@example.com', 'b@example.com'])
  withdrawn.abort()
  for (const failure of [...(await Promise.all(stuck)), await waiting]) expect(failure.message).toContain('EABORT')
  // Both places are free again, and whoever comes later comes first.
  await mailer.send(mail('d'), never)
  expect(recipients().toSorted()).toEqual(['a@example.com', 'b@example.com', 'd@example.com'])
})

it.each([0, 0.5, 7_200_001, Number.NaN])('refuses a time of %d for answers', (answersWithin) => {
  expect(() => smtpMailer({ url: 'smtp://127.0.0.1:1', from: 'test@example.com', answersWithin })).toThrow(
    expect.objectContaining({ code: 'TIDINGS_INVALID_OPTION', details: { field: 'answersWithin' } }),
  )
})

it('grants each answer ten minutes, and a mail as long as all its answers may take together', () => {
  const patient = smtpMailer({ url: 'smtp://127.0.0.1:1', from: 'test@example.com' })
  expect(patient.sendsWithin).toBeGreaterThanOrEqual(10 * 600_000)
  patient.close()
})
