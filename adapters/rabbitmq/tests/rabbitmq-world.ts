import { randomUUID } from 'node:crypto'

import { Connection } from 'rabbitmq-client'
import { type Host, realRuntime, silentLog, silentMeter, type Transport } from 'tidings/spi'

import { serverUrl } from '../../../tools/servers/index.ts'
import { type RabbitmqOptions, rabbitmq } from '../src/index.ts'
import { groupNamesOf, namesOf } from '../src/topology/names.ts'
import { type CuttableProxy, cuttableProxy } from './cuttable-proxy.ts'

/** Empty where no server can be had; suites that need one are skipped then. */
export const url: string = (await serverUrl('rabbitmq')) ?? ''

export const host: Host = { runtime: realRuntime(), log: silentLog, meter: silentMeter }

/** Waits that suit tests. */
export const quick: RabbitmqOptions = { checkInterval: 200, closeTimeout: 2_000 }

/** Exchanges and queues under a prefix of their own at one server, and how to be rid of them. */
export interface RabbitmqWorld {
  readonly url: string
  readonly prefix: string
  readonly open: (options?: RabbitmqOptions, on?: Host) => Promise<Transport>
  /** The same through a proxy of its own, which can be cut. */
  openMortal(options?: RabbitmqOptions): Promise<{ transport: Transport; proxy: CuttableProxy }>
  /** A connection of the plain client; closed at the end. */
  readonly client: () => Connection
  end(): Promise<void>
}

export function rabbitmqWorld(server: string = url, partitions = 8): RabbitmqWorld {
  const prefix = `test-${randomUUID().slice(0, 8)}.`
  const groups = new Set<string>()
  const opened = new Set<Transport>()
  const proxies = new Set<CuttableProxy>()
  const clients = new Set<Connection>()
  const noting = (transport: Transport): Transport => {
    const noted: Transport = {
      capabilities: transport.capabilities,
      publish: (batch, signal) => transport.publish(batch, signal),
      subscribe(options, sink) {
        groups.add(options.group)
        return transport.subscribe(options, sink)
      },
      close: () => transport.close(),
    }
    opened.add(noted)
    return noted
  }
  const open: RabbitmqWorld['open'] = async (options, on = host) =>
    noting(await rabbitmq({ ...quick, partitions, url: server, prefix, ...options }).open(on))
  const client = (): Connection => {
    const connection = new Connection({ url: server, noDelay: true, retryLow: 50, retryHigh: 500 })
    connection.on('error', () => {})
    clients.add(connection)
    return connection
  }
  return {
    url: server,
    prefix,
    open,
    client,
    async openMortal(options) {
      const { hostname, port } = new URL(server)
      const proxy = await cuttableProxy(hostname, Number(port || 5672))
      proxies.add(proxy)
      return { transport: await open({ hosts: [`127.0.0.1:${proxy.port}`], ...options }), proxy }
    },
    async end() {
      await Promise.all([...opened].map((transport) => transport.close()))
      for (const proxy of proxies) await proxy.close()
      const connection = client()
      const channel = await connection.acquire()
      const { events, groups: control, partitions: marker } = namesOf(prefix)
      for (const group of groups) {
        const { queues, topics, nextTopics, dead } = groupNamesOf(prefix, group, partitions)
        for (const queue of [...queues, dead]) await channel.queueDelete({ queue })
        for (const exchange of [topics, nextTopics]) await channel.exchangeDelete({ exchange })
      }
      await channel.queueDelete({ queue: marker })
      for (const exchange of [events, control]) await channel.exchangeDelete({ exchange })
      await channel.close()
      for (const one of clients) one.unsafeDestroy()
    },
  }
}
