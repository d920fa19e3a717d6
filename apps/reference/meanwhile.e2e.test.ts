import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import pg from 'pg'
import { sql } from 'tidings'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { serverUrl, without } from '../../tools/servers/index.ts'
import { flowClient, password } from './flow-client.ts'
import { type MailSink, openMailSink } from './mail-sink.ts'
import { openPlatform } from './open-platform.ts'

// A password is replaced while somebody uses the old one, on stores where transactions run one after another, and where they run side by side.

const postgres = await serverUrl('postgres')
const rounds = 12

let sink: MailSink
beforeAll(async () => {
  sink = await openMailSink()
})
afterAll(() => sink.close())

const ends: (() => Promise<unknown> | void)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

const file = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-meanwhile-'))
  ends.push(() => rmSync(folder, { recursive: true, force: true }))
  return `sqlite:${join(folder, 'platform.db')}`
}

const schema = (): string => {
  const name = `meanwhile_${randomBytes(5).toString('hex')}`
  ends.push(async () => {
    const client = new pg.Client({ connectionString: postgres as string })
    await client.connect()
    await client.query(`drop schema if exists ${name} cascade`)
    await client.end()
  })
  return `${postgres}?schema=${name}&options=${encodeURIComponent(`-c search_path=${name}`)}`
}

describe.each([
  { name: 'SQLite', place: file, needs: {} },
  { name: 'PostgreSQL', place: schema, needs: without('postgres') },
])('a reset on $name', ({ place, needs }) => {
  it('is outlived by nothing that was begun with the old password, whichever comes first', needs, async () => {
    const { host, addresses } = await openPlatform({ url: place(), smtp: sink.url })
    ends.push(() => host.close())
    const client = flowClient(() => addresses, sink.mails)
    for (let round = 0; round < rounds; round++) {
      const username = `while-${round}`
      const userId = await client.register(username)
      const code = randomBytes(32).toString('base64url')
      const row = sql`insert into auth_password_resets (reset_id, user_id, code_hash, began_at, ends_at)
        values (${randomUUID()}, ${userId}, ${createHash('sha256').update(code).digest('base64url')}, ${0}, ${Date.now() + 600_000})`
      await host.store.commit([{ statements: [row] }])
      const chosen = 'difference engine'
      const [reset, ...logins] = await Promise.all([
        client.ask('POST', '/auth/password-reset/confirm', { body: { code, password: chosen } }),
        client.login(username, password),
        client.login(username, password),
      ])
      expect(reset.status).toBe(204)
      for (const { status, body } of logins) {
        expect([200, 401]).toContain(status)
        if (status === 200) expect((await client.ask('GET', '/auth/me', { token: body.token })).status).toBe(401)
      }
      expect((await client.login(username, chosen)).status).toBe(200)
    }
  })
})
