import { randomBytes } from 'node:crypto'

import { openServices, type Service, type ServiceHost } from '@tidings/service'
import pg from 'pg'
import { sharedStore, sql } from 'tidings'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { serverUrl, without } from '../../tools/servers/index.ts'

const server = await serverUrl('postgres')

const notes: Service = {
  name: 'notes',
  events: [],
  migrations: [{ id: '0001', statements: [sql`create table notes (id text primary key)`] }],
  attach: () => ({}),
}

/** Services that start at the same time, each with connections of its own, as processes have them. */
describe('migrations of services on PostgreSQL', without('postgres'), () => {
  let schema: string
  let client: pg.Client
  /** Beside the transactions of the other one, which sees others as they were when it began. */
  let watcher: pg.Client
  const hosts: ServiceHost[] = []

  const url = (more = ''): string =>
    `${server}?schema=${schema}&options=${encodeURIComponent(`-c search_path=${schema}`)}${more}`

  async function open(service: Service, more = '', told: (message: string) => void = () => {}): Promise<void> {
    const log = () => (_level: string, message: string) => told(message)
    hosts.push(await openServices([service], { url: url(more), log }))
  }

  /** How many wait for a lock with a statement that begins so. */
  const stuck = async (begin: string): Promise<number> => {
    const { rows } = await watcher.query(
      `select count(*)::int as count from pg_stat_activity
       where wait_event_type = 'Lock' and query like $1 and pid in (select pid from pg_locks where not granted)`,
      [`${begin}%`],
    )
    return rows[0].count as number
  }

  beforeEach(async () => {
    schema = `services_${randomBytes(5).toString('hex')}`
    client = new pg.Client(`${server}`)
    watcher = new pg.Client(`${server}`)
    await Promise.all([client.connect(), watcher.connect()])
    await (await sharedStore(url())).close()
    await client.query(`set search_path = ${schema}`)
  })
  afterEach(async () => {
    await client.query('rollback')
    await Promise.all(hosts.splice(0).map((host) => host.close()))
    await client.query(`drop schema ${schema} cascade`)
    await Promise.all([client.end(), watcher.end()])
  })

  const taken = async (): Promise<unknown[]> => (await client.query('select id from service_migrations')).rows

  it('are taken once by many that start on an empty schema', async () => {
    await Promise.all(Array.from({ length: 6 }, () => open(notes)))
    expect(await taken()).toEqual([{ id: '0001' }])
  })

  it('survive that somebody else makes their table at the very same time', async () => {
    const before = await stuck('create table if not exists service_migrations')
    await client.query('begin')
    await client.query(
      'create table service_migrations (service text not null, id text not null, applied_at bigint not null, primary key (service, id))',
    )
    const opening = Promise.all([open(notes), open(notes), open(notes)])
    opening.catch(() => {})
    await expect.poll(() => stuck('create table if not exists service_migrations')).toBe(before + 3)
    await client.query('commit')
    await opening
    expect(await taken()).toEqual([{ id: '0001' }])
  })

  it('wait for one that takes longer than a call may', async () => {
    await client.query('create table gate (id int)')
    await client.query('begin')
    await client.query('lock table gate in access exclusive mode')
    const long: Service = {
      ...notes,
      migrations: [{ id: '0001', statements: [sql`create table notes (id text)`, sql`insert into gate values (1)`] }],
    }
    const atWork = open(long)
    atWork.catch(() => {})
    await expect.poll(() => stuck('insert into gate')).toBe(1)
    let told: (message: string) => void = () => {}
    const waits = new Promise<string>((resolve) => (told = resolve))
    // It gives up on a call after a second, and asks again.
    const waiting = open(long, '&timeout=1000', (message) => message.startsWith('Waits') && told(message))
    waiting.catch(() => {})
    await waits
    await client.query('commit')
    await Promise.all([atWork, waiting])
    expect(await taken()).toEqual([{ id: '0001' }])
    expect((await client.query('select id from gate')).rows).toHaveLength(1)
  })
})
