import type { Connection } from '@platformatic/kafka'

import { BrokerError, noError } from '../client/broker-error.ts'
import type { Cluster } from '../client/cluster.ts'
import type { Broker, Connections } from '../client/connections.ts'
import { refusalOf } from './group-refusals.ts'

const groupKind = 0

/** The broker that keeps a group, and the ways to speak with it. */
export class Coordinator {
  readonly #cluster: Cluster
  readonly #group: string
  #connections: Connections
  #broker: Broker | undefined

  constructor(cluster: Cluster, group: string) {
    this.#cluster = cluster
    this.#group = group
    this.#connections = this.#connect()
  }

  /** For what a member says one after another; an answer may take as long as the others need to join. */
  async connection(): Promise<Connection> {
    return this.#connections.to(this.#broker ?? (await this.#find()))
  }

  /** A connection on which no join is being waited for. */
  async aside(): Promise<Connection> {
    return this.#cluster.own.to(this.#broker ?? (await this.#find()))
  }

  /** It may be another broker by now. */
  forget(): void {
    this.#broker = undefined
  }

  /** Gives up what nobody may ever answer. */
  hangUp(): void {
    this.#cluster.release(this.#connections)
    this.#connections = this.#connect()
  }

  close(): void {
    this.#cluster.release(this.#connections)
  }

  #connect(): Connections {
    const { rebalanceTimeout, requestTimeout } = this.#cluster.settings
    return this.#cluster.connections(rebalanceTimeout + requestTimeout)
  }

  async #find(): Promise<Broker> {
    const anyone = await this.#cluster.anyone()
    const { coordinators } = await this.#cluster.requests.send(anyone, 'findCoordinator', groupKind, [this.#group])
    const [found] = coordinators
    if (found === undefined || found.errorCode !== noError) {
      const error = found?.errorCode ?? -1
      throw refusalOf(error, this.#group) ?? new BrokerError(error, 'who looks for the coordinator of a group')
    }
    this.#broker = { host: found.host, port: found.port }
    return this.#broker
  }
}
