import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import pg from 'pg'

import { canStartOwn, type OwnServer, proxied, serverUrl, startOwn } from '../../../tools/servers/index.ts'
import { describeOrdeal } from '../ordeal.ts'
import { Tally } from '../tally.ts'

type Broker = 'kafka' | 'rabbitmq' | 'nats' | 'redis'
type SharedStore = 'postgres' | 'redis'

/** A service with a store of its own publishes; three instances of another share a store and count what comes through the broker, which is what breaks. */
export async function describeBrokerChaos(kind: Broker, shared: SharedStore = 'postgres'): Promise<void> {
  await serverUrl('toxiproxy')
  await canStartOwn(kind)
  if (shared === 'redis') await canStartOwn('redis')
  else await serverUrl('postgres')
  const name = shared === 'postgres' ? kind : `${kind} on ${shared}`
  describeOrdeal({
    name,
    title: `${kind}: three instances on one ${shared} store, whose broker breaks`,
    needs: ['toxiproxy', kind, shared],
    recovers: false,
    // Kafka's sessions last longest, ten seconds.
    lease: 12_000,
    async set() {
      const folder = mkdtempSync(join(tmpdir(), `tidings-${kind}-`))
      const store = shared === 'redis' ? await redisStore() : await postgresStore()
      const server = await startOwn(kind)
      const proxy = await proxied(server.url)
      const tally = await Tally.open(store.url)
      return {
        server,
        proxy,
        tally,
        seller: [`sqlite:${join(folder, 'selling.db')}`, addressOf(kind, server.url)],
        instance: [store.url, addressOf(kind, proxy.url)],
        async end() {
          await tally.close()
          await proxy.close()
          await server.stop()
          await store.end()
          rmSync(folder, { recursive: true, force: true })
        },
      }
    },
  })
}

interface Place {
  readonly url: string
  end(): Promise<void>
}

/** A database of its own on the shared server. */
async function postgresStore(): Promise<Place> {
  const server = (await serverUrl('postgres')) as string
  const name = `chaos_${randomBytes(6).toString('hex')}`
  const url = new URL(server)
  url.pathname = `/${name}`
  const admin = new pg.Client({ connectionString: server })
  await admin.connect()
  await admin.query(`create database ${name}`)
  return {
    url: url.href,
    async end() {
      await admin.query(`drop database if exists ${name} with (force)`)
      await admin.end()
    },
  }
}

/** A server of its own, which forgets nothing that it has acknowledged. */
async function redisStore(): Promise<Place> {
  const server: OwnServer = await startOwn('redis', { appendfsync: 'always' })
  return { url: `${server.url}?durability=always`, end: () => server.stop() }
}

function addressOf(kind: Broker, url: string): string {
  return kind === 'kafka' ? `kafka://${url}` : url
}
