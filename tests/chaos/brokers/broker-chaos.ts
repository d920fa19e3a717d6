import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import {
  canStartOwn,
  type OwnServer,
  type Proxied,
  proxied,
  serverUrl,
  startOwn,
  without,
} from '../../../tools/servers/index.ts'
import { type Child, runChild } from '../child-process.ts'

type Broker = 'kafka' | 'rabbitmq' | 'nats' | 'redis'

const selling = fileURLToPath(new URL('selling-service.ts', import.meta.url))
const counting = fileURLToPath(new URL('counting-service.ts', import.meta.url))

/** Published at once before each fault, so that work lies waiting when it strikes. */
const burst = 800
/** Events a second all the while. */
const pace = 100
/** How long everything may take to be handled after the last fault is over, in milliseconds. */
const recovery = 30_000

interface Fault {
  readonly name: string
  strike(world: World): Promise<void>
}

interface World {
  readonly broker: OwnServer
  readonly proxy: Proxied
  instances: Child[]
  begin(): Promise<Child>
}

/** Longer than the lease of partitions in the store and at the broker. */
const beyondTheLease = 12_000

const faults: readonly Fault[] = [
  {
    name: 'kill -9 of an instance',
    async strike(world) {
      const [first] = world.instances.splice(0, 1)
      first?.process.kill('SIGKILL')
      await first?.gone
      await pause(500)
      world.instances.push(await world.begin())
    },
  },
  {
    name: 'an instance stands still beyond its lease',
    async strike(world) {
      const [first] = world.instances
      first?.process.kill('SIGSTOP')
      await pause(beyondTheLease)
      first?.process.kill('SIGCONT')
    },
  },
  {
    name: 'kill -9 of the broker',
    async strike({ broker }) {
      await broker.kill()
      await pause(1_500)
      await broker.start()
    },
  },
  {
    name: 'no connection',
    async strike({ proxy }) {
      await proxy.down()
      await pause(3_000)
      await proxy.up()
    },
  },
  {
    name: 'connections that carry nothing',
    async strike({ proxy }) {
      await proxy.halfOpen()
      await pause(4_000)
      await proxy.up()
    },
  },
  {
    name: 'five seconds of latency',
    async strike({ proxy }) {
      await proxy.latency(5_000)
      await pause(6_000)
      await proxy.up()
    },
  },
  {
    name: 'connections that are reset',
    async strike({ proxy }) {
      await proxy.reset()
      await pause(2_000)
      await proxy.up()
    },
  },
]

/**
 * A service with a store of its own publishes; three instances of another share a store and count what comes through the broker. One fault after
 * the other strikes while hundreds of events are on their way.
 */
export async function describeBrokerChaos(kind: Broker): Promise<void> {
  const postgres = await serverUrl('postgres')
  await serverUrl('toxiproxy')
  await canStartOwn(kind)
  describe(`${kind}: three instances on one store`, without('postgres', 'toxiproxy', kind), () => {
    const folder = mkdtempSync(join(tmpdir(), `tidings-${kind}-`))
    const name = `chaos_${randomBytes(6).toString('hex')}`
    const admin = new pg.Client({ connectionString: postgres })
    const store = new URL(postgres ?? 'postgres://localhost/none')
    store.pathname = `/${name}`
    const everyone: Child[] = []
    const waited: [string, number][] = []
    let world: World
    let publisher: Child
    let counters: pg.Client
    let recovered = Number.POSITIVE_INFINITY

    const acknowledged = (): string[] => publisher.lines.filter((line) => line.startsWith('ack '))
    const handled = async (): Promise<number> =>
      Number((await counters.query('select coalesce(sum(n), 0) as n from counters')).rows[0].n)
    const tell = (line: string): void => void publisher.process.stdin?.write(`${line}\n`)

    beforeAll(async () => {
      await admin.connect()
      await admin.query(`create database ${name}`)
      counters = new pg.Client({ connectionString: store.href })
      await counters.connect()
      await counters.query(
        'create table counters (stream text primary key, n integer not null, last integer not null, disordered integer not null)',
      )
      const broker = await startOwn(kind)
      const proxy = await proxied(broker.url)
      const begin = async (): Promise<Child> => {
        const child = runChild(counting, [store.href, addressOf(kind, proxy.url)])
        everyone.push(child)
        await child.line('ready', 60_000)
        return child
      }
      world = { broker, proxy, instances: [], begin }
      publisher = runChild(selling, [`sqlite:${join(folder, 'selling.db')}`, addressOf(kind, broker.url)], {
        input: true,
      })
      everyone.push(publisher)
      await publisher.line('ready', 60_000)
      world.instances = [await begin(), await begin(), await begin()]
      tell(`pace ${pace}`)
      for (const fault of faults) {
        const before = acknowledged().length
        tell(`burst ${burst}`)
        while (acknowledged().length < before + burst) await pause(5)
        waited.push([fault.name, acknowledged().length - (await handled())])
        await fault.strike(world)
      }
      tell('pace 0')
      tell('end')
      await publisher.line('published', 30_000)
      const over = performance.now()
      while (performance.now() < over + recovery && (await handled()) < acknowledged().length) await pause(50)
      recovered = performance.now() - over
    }, 300_000)

    afterAll(async () => {
      for (const child of everyone) child.process.kill('SIGKILL')
      await Promise.all(everyone.map(({ gone }) => gone))
      await world?.proxy.close()
      await world?.broker.stop()
      await counters?.end()
      await admin.query(`drop database if exists ${name} with (force)`)
      await admin.end()
      rmSync(folder, { recursive: true, force: true })
    }, 60_000)

    it('struck while work lay waiting', () => {
      process.stdout.write(waited.map(([fault, count]) => `${kind}: ${count} unhandled at ${fault}\n`).join(''))
      for (const [, count] of waited) expect(count).toBeGreaterThanOrEqual(300)
    })

    it('handles all that was acknowledged, within half a minute of the last fault', async () => {
      process.stdout.write(
        `${kind}: ${acknowledged().length} events, all handled ${Math.round(recovered)} ms after the end\n`,
      )
      expect(await handled()).toBe(acknowledged().length)
      expect(recovered).toBeLessThan(recovery)
    })

    it('handles each once, in order of its stream', async () => {
      const { rows } = await counters.query('select stream, n, disordered from counters')
      const published = new Map<string, number>()
      for (const line of acknowledged()) {
        const stream = line.split(' ')[1] as string
        published.set(stream, (published.get(stream) ?? 0) + 1)
      }
      expect(new Map(rows.map(({ stream, n }) => [stream, n]))).toEqual(published)
      expect(rows.filter(({ disordered }) => disordered !== 0)).toEqual([])
    })

    it('spends no attempt on an outage and parks nothing', async () => {
      expect(everyone.flatMap(({ lines }) => lines.filter((line) => line.startsWith('attempt ')))).toEqual([])
      const { rows } = await counters.query(
        "select id, body from event_store.documents where collection = 'parked' limit 5",
      )
      expect(rows).toEqual([])
    })

    it('rejects nothing that nobody handles', () => {
      expect(everyone.flatMap(({ lines }) => lines.filter((line) => line.startsWith('unhandled ')))).toEqual([])
    })

    it('closes within its deadline with the broker gone', async () => {
      await world.broker.kill()
      for (const child of [publisher, ...world.instances]) {
        child.process.kill('SIGTERM')
        const closed = await child.line('closed', 15_000)
        expect(Number(closed.split(' ')[1])).toBeLessThan(7_000)
      }
    }, 60_000)
  })
}

function addressOf(kind: Broker, url: string): string {
  return kind === 'kafka' ? `kafka://${url}` : url
}
