import { BrokerError, noError } from '../client/broker-error.ts'
import type { Cluster } from '../client/cluster.ts'

export interface Identity {
  readonly producerId: bigint
  readonly epoch: number
}

/**
 * Who we are to the brokers, so that a batch which is sent twice is kept once. A new identity is asked for when the old one is in doubt:
 * when a batch was given up whose fate nobody knows, or a broker has forgotten us.
 */
export class ProducerIdentity {
  readonly #cluster: Cluster
  #current: Identity | undefined
  #asking: Promise<Identity> | undefined

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  get current(): Identity | undefined {
    return this.#current
  }

  /** Batches that leave for the first time get a new identity. */
  renew(): void {
    this.#current = undefined
  }

  /** Resolves with the identity, asked for where there is none. Rejects where no broker gives one. */
  get(): Promise<Identity> {
    if (this.#current !== undefined) return Promise.resolve(this.#current)
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #ask(): Promise<Identity> {
    const connection = await this.#cluster.anyone()
    const answer = await this.#cluster.requests.send(connection, 'initProducerId', null, 60_000, undefined, undefined)
    if (answer.errorCode !== noError) throw new BrokerError(answer.errorCode, 'a producer that asks who it is')
    this.#current = { producerId: answer.producerId, epoch: answer.producerEpoch }
    return this.#current
  }
}
