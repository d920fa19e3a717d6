import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import pg from 'pg'
import { operationsOn } from 'tidings'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { serverUrl, without } from '../../tools/servers/index.ts'
import { findInTables } from './find-in-tables.ts'
import { flowClient, password } from './flow-client.ts'
import { type MailSink, openMailSink } from './mail-sink.ts'
import { openPlatform } from './open-platform.ts'

// What people read of others and of themselves, over HTTP, kept by projections.

const patient = { timeout: 20_000, interval: 20 }
const postgres = await serverUrl('postgres')

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
  const folder = mkdtempSync(join(tmpdir(), 'tidings-read-models-'))
  ends.push(() => rmSync(folder, { recursive: true, force: true }))
  return `sqlite:${join(folder, 'platform.db')}`
}

const schema = (): string => {
  const name = `read_models_${randomBytes(5).toString('hex')}`
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
])('the read models on $name', ({ place, needs }) => {
  it(
    'show who is here and what happened to an account, while they are built anew, and nobody who is gone',
    needs,
    async () => {
      const url = place()
      const { host, addresses } = await openPlatform({ url, smtp: sink.url })
      ends.push(() => host.close())
      const client = flowClient(() => addresses, sink.mails)
      const find = async (search: string): Promise<string[]> => {
        const { status, body } = await client.ask<{ users: { username: string }[] }>('GET', `/users?search=${search}`)
        expect(status).toBe(200)
        return body.users.map(({ username }) => username)
      }
      const history = async (token: string): Promise<string[]> => {
        const { status, body } = await client.ask<{ logins: { what: string }[] }>('GET', '/auth/me/logins', { token })
        expect(status).toBe(200)
        return body.logins.map(({ what }) => what)
      }
      for (const username of ['rm-ada', 'rm-bob', 'rm-carol']) await client.register(username)
      await expect.poll(() => find('rm-'), patient).toEqual(['rm-ada', 'rm-bob', 'rm-carol'])
      const first = (await client.ask<{ next: string }>('GET', '/users?search=rm-&limit=2')).body
      expect(await find(`rm-&after=${encodeURIComponent(first.next)}`)).toEqual(['rm-carol'])
      await expect(client.register('RM-Carol')).rejects.toThrow('"field":"username"')
      expect((await client.login('rm-ada', 'a wrong one')).status).toBe(401)
      const token = await client.tokenOf('rm-ada')
      await expect.poll(() => history(token), patient).toEqual(['user.logged-in', 'login.failed'])

      const { projections } = operationsOn(host.store)
      expect((await projections.list()).map(({ name, live }) => ({ name, live }))).toEqual([
        { name: 'auth.login-history', live: 1 },
        { name: 'users.directory', live: 1 },
      ])
      for (const name of ['auth.login-history', 'users.directory']) expect(await projections.rebuild(name)).toBe(2)
      await client.register('rm-dora')
      const live = async () => (await projections.list()).map((one) => one.live)
      await expect.poll(live, patient).toEqual([2, 2])
      for (const { generations } of await projections.list())
        expect(generations.at(-1)?.parity).toMatchObject({ verdict: 'equal' })
      await expect.poll(() => find('rm-'), patient).toEqual(['rm-ada', 'rm-bob', 'rm-carol', 'rm-dora'])
      expect(await history(token)).toEqual(['user.logged-in', 'login.failed'])

      const asked = await client.ask<{ deletionId: string }>('DELETE', '/auth/me', { token, body: { password } })
      await expect
        .poll(async () => (await client.deletion(asked.body.deletionId)).body.status, patient)
        .toBe('completed')
      await expect.poll(() => find('rm-'), patient).toEqual(['rm-bob', 'rm-carol', 'rm-dora'])
      // Neither what readers see nor the generation that is kept holds the name.
      await expect.poll(async () => (await findInTables(url, ['rm-ada'])).found, patient).toEqual([])
    },
  )
})
