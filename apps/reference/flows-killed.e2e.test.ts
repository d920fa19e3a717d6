import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, afterEach, expect, it } from 'vitest'

import { findInTables } from './find-in-tables.ts'
import { type Addresses, flowClient, password } from './flow-client.ts'
import { type MailSink, openMailSink, type ReceivedMail } from './mail-sink.ts'
import { type PlatformProcess, startProgram } from './platform-process.ts'

// The platform is one process, and dies in the middle of all four flows at once: the mail server is away, so each of them waits for a mail.

const patient = { timeout: 90_000, interval: 100 }
const another = 'difference engine'

const folder = mkdtempSync(join(tmpdir(), 'tidings-killed-'))
let platform: PlatformProcess | undefined
let sink: MailSink | undefined
afterEach(async () => {
  await platform?.end('SIGKILL')
  await sink?.close()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('ends every flow as it should after a kill in the middle of it', async () => {
  const mails: ReceivedMail[] = []
  sink = await openMailSink()
  const { url } = sink
  const port = Number(new URL(url).port)
  const start = () => startProgram('platform', folder, { SMTP_URL: url, LOG_LEVEL: 'error', FAREWELL_SECONDS: '3600' })
  platform = await start()
  const addresses = (): Addresses => {
    const address = platform?.address as string
    return { auth: address, users: address, notifications: address, commerce: address, audit: address }
  }
  const client = flowClient(addresses, mails)

  for (const username of ['kill-reset', 'kill-export', 'kill-leave']) {
    const userId = await client.register(username)
    await expect.poll(() => client.progress(userId), patient).toBe('completed')
  }
  await expect.poll(() => sink?.mails.length, patient).toBe(3)
  mails.push(...sink.mails)
  await sink.close()

  const newcomer = await client.register('kill-join')
  await client.ask('POST', '/auth/password-reset', { body: { email: 'kill-reset@example.com' } })
  const exporting = await client.tokenOf('kill-export')
  await client.ask('POST', '/auth/me/export', { token: exporting })
  const leaving = await client.ask<{ deletionId: string }>('DELETE', '/auth/me', {
    token: await client.tokenOf('kill-leave'),
    body: { password },
  })
  const { deletionId } = leaving.body
  const requested = async (): Promise<number> =>
    (await client.ask<{ entries: object[] }>('GET', '/audit?type=user.mail.requested')).body.entries.length
  // Three mails of welcome were asked for before; four more wait for the mail server now.
  await expect.poll(requested, patient).toBe(7)
  expect((await client.deletion(deletionId)).body.status).toBe('farewell')
  expect(await platform.end('SIGKILL')).toBe('SIGKILL')

  sink = await openMailSink(port)
  const later = sink
  platform = await start()
  const gather = (): void => {
    mails.splice(3, mails.length, ...later.mails)
  }
  const subjects = (username: string) => (gather(), client.subjects(username))

  await expect.poll(() => subjects('kill-join'), patient).toEqual(['Welcome'])
  await expect.poll(() => client.progress(newcomer), patient).toBe('completed')

  await expect.poll(() => subjects('kill-reset'), patient).toEqual(['Welcome', 'A new password'])
  const code = client.secretFor('kill-reset', 'A new password')
  const confirmed = await client.ask('POST', '/auth/password-reset/confirm', { body: { code, password: another } })
  expect(confirmed.status).toBe(204)
  expect((await client.login('kill-reset', another)).status).toBe(200)
  await expect.poll(() => subjects('kill-reset').at(-1), patient).toBe('Your password was changed')

  await expect.poll(() => subjects('kill-export'), patient).toEqual(['Welcome', 'Your data'])
  const { pathname } = new URL(client.secretFor('kill-export', 'Your data') as string)
  expect((await client.ask('GET', pathname)).body).toMatchObject({ complete: true })

  await expect.poll(async () => (await client.deletion(deletionId)).body.status, patient).toBe('completed')
  expect(subjects('kill-leave')).toEqual(['Welcome', 'Goodbye'])
  await expect
    .poll(async () => (await findInTables(`sqlite:${join(folder, 'tidings.db')}`, ['kill-leave'])).found, patient)
    .toEqual([])
  expect(await platform.end('SIGTERM')).toBe(0)
  expect(platform.complaints()).toBe('')
  platform = undefined
}, 300_000)
