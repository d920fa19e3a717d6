import { setMaxListeners } from 'node:events'

import type { Connection, ConnectionOptions } from '@platformatic/kafka'
import { type Host, sleep, TidingsError, within } from 'tidings/spi'

import type { KafkaSettings } from '../kafka-options.ts'
import { unavailable } from './broker-error.ts'
import { type Broker, Connections } from './connections.ts'
import type { Client } from './load-client.ts'
import { Requests } from './requests.ts'

/** A topic as the brokers know it. */
export interface TopicState {
  readonly name: string
  readonly id: string
  readonly partitions: readonly PartitionState[]
}

export interface PartitionState {
  /** Node id of its leader; -1 where it has none. */
  readonly leader: number
  readonly replicas: number
}

export interface Metadata {
  readonly topics: ReadonlyMap<string, TopicState>
  /** What the brokers say about topics that they cannot tell us of: a protocol error for each name. */
  readonly errors: ReadonlyMap<string, number>
}

/** The brokers: who they are, who leads what, and how to speak with them. */
export class Cluster {
  readonly client: Client
  readonly settings: KafkaSettings
  readonly host: Host
  readonly requests: Requests
  readonly closing: AbortController = new AbortController()
  readonly #seeds: readonly Broker[]
  /** For questions that concern no partition and no group. */
  readonly own: Connections
  readonly #purposes = new Set<Connections>()
  #brokers: ReadonlyMap<number, Broker> = new Map()
  #turn = 0

  constructor(client: Client, settings: KafkaSettings, host: Host) {
    this.client = client
    this.settings = settings
    this.host = host
    this.requests = new Requests(client)
    this.#seeds = settings.brokers.map(brokerOf)
    this.own = this.connections()
    // Everything that waits listens to it.
    setMaxListeners(0, this.closing.signal)
  }

  /** Connections for one purpose; closed with the cluster. `patience` replaces the time that a request may take. */
  connections(patience: number = this.settings.requestTimeout): Connections {
    const { clientId, connectTimeout, tls, sasl } = this.settings
    const options: ConnectionOptions = {
      connectTimeout,
      requestTimeout: patience,
      maxInflights: 5,
      ...(tls !== undefined && { tls, tlsServerName: true }),
      ...(sasl !== undefined && { sasl }),
    }
    const made = new Connections(this.client, clientId, options)
    this.#purposes.add(made)
    return made
  }

  /** Ends connections that are not needed any more. */
  release(connections: Connections): void {
    connections.close()
    this.#purposes.delete(connections)
  }

  get brokers(): ReadonlyMap<number, Broker> {
    return this.#brokers
  }

  /** A connection to the broker of this number. Rejects where it is unknown or cannot be reached. */
  node(connections: Connections, id: number): Promise<Connection> {
    const broker = this.#brokers.get(id)
    if (broker === undefined) return Promise.reject(new Error(`Broker ${id} is not known.`))
    return connections.to(broker)
  }

  /** A connection to whichever broker answers: those that are known, then those that were named. Rejects where none does. */
  async anyone(connections: Connections = this.own): Promise<Connection> {
    const known = [...this.#brokers.values()]
    const all = [...known, ...this.#seeds.filter((seed) => !known.some((one) => same(one, seed)))]
    const failures: unknown[] = []
    const first = this.#turn++
    for (let at = 0; at < all.length; at++) {
      if (this.closing.signal.aborted) break
      try {
        return await connections.to(all[(first + at) % all.length] as Broker)
      } catch (error) {
        failures.push(error)
      }
    }
    throw new AggregateError(failures, 'No broker can be reached.')
  }

  /** Asks about topics by name, or about all. Never makes any. */
  async metadata(topics: readonly string[] | undefined): Promise<Metadata> {
    const connection = await this.anyone()
    const answer = await this.requests.send(
      connection,
      'metadata',
      topics === undefined ? null : [...topics],
      false,
      false,
    )
    if (answer.brokers.length > 0)
      this.#brokers = new Map(answer.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]))
    const found = new Map<string, TopicState>()
    const errors = new Map<string, number>()
    for (const { name, topicId, errorCode, partitions } of answer.topics) {
      if (name === null || name === undefined) continue
      if (errorCode !== 0) errors.set(name, errorCode)
      else found.set(name, { name, id: topicId, partitions: stateOf(partitions) })
    }
    return { topics: found, errors }
  }

  /**
   * Calls until it resolves, with pauses between; at most for so many milliseconds, then rejects with `TIDINGS_BROKER_UNAVAILABLE` that
   * says what for. Coded errors are final.
   */
  async persist<T>(doing: string, ms: number, call: () => Promise<T>): Promise<T> {
    const { runtime } = this.host
    const end = runtime.monotonic() + ms
    for (let tries = 0; ; tries++) {
      const left = end - runtime.monotonic()
      const work = call()
      try {
        if (!(await within(runtime, Math.max(left, 1), work))) throw new Error('It took too long.')
        return await work
      } catch (error) {
        const pause = pauseAfter(tries, runtime.random())
        if (error instanceof TidingsError || this.closing.signal.aborted || runtime.monotonic() + pause >= end)
          throw unavailable(doing, error)
        await sleep(runtime, pause, this.closing.signal).catch(() => {})
      }
    }
  }

  /** Ends everything at once. Idempotent. */
  close(): void {
    this.closing.abort()
    for (const connections of this.#purposes) connections.close()
    this.#purposes.clear()
  }
}

/** Milliseconds before the next try: 50 doubling to 3,000, of which the later half is chance. */
export function pauseAfter(tries: number, chance: number): number {
  return Math.min(3_000, 50 * 2 ** Math.min(tries, 10)) * (0.5 + chance / 2)
}

function stateOf(
  partitions: readonly { partitionIndex: number; leaderId: number; replicaNodes: readonly number[] }[],
): PartitionState[] {
  const states: PartitionState[] = Array.from({ length: partitions.length }, () => ({ leader: -1, replicas: 0 }))
  for (const { partitionIndex, leaderId, replicaNodes } of partitions)
    if (partitionIndex < states.length) states[partitionIndex] = { leader: leaderId, replicas: replicaNodes.length }
  return states
}

function brokerOf(text: string): Broker {
  const at = text.lastIndexOf(':')
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) }
}

function same(a: Broker, b: Broker): boolean {
  return a.host === b.host && a.port === b.port
}
