import type { Connection } from '@platformatic/kafka'
import { TidingsError } from 'tidings/spi'

import type { Client } from './load-client.ts'

/** The requests that are spoken here, each with the best of its versions. */
interface Spoken {
  createTopics: 7
  describeConfigs: 4
  fetch: 17
  findCoordinator: 6
  heartbeat: 4
  initProducerId: 5
  joinGroup: 9
  leaveGroup: 5
  listOffsets: 9
  metadata: 12
  offsetCommit: 9
  offsetFetch: 9
  produce: 11
  syncGroup: 5
}

/** Their oldest versions; all of one request take the same arguments. */
const oldest: Readonly<Record<keyof Spoken, number>> = {
  createTopics: 5,
  describeConfigs: 1,
  fetch: 13,
  findCoordinator: 4,
  heartbeat: 4,
  initProducerId: 3,
  joinGroup: 6,
  leaveGroup: 4,
  listOffsets: 6,
  metadata: 10,
  offsetCommit: 8,
  offsetFetch: 8,
  produce: 9,
  syncGroup: 4,
}

const newest: Readonly<Spoken> = {
  createTopics: 7,
  describeConfigs: 4,
  fetch: 17,
  findCoordinator: 6,
  heartbeat: 4,
  initProducerId: 5,
  joinGroup: 9,
  leaveGroup: 5,
  listOffsets: 9,
  metadata: 12,
  offsetCommit: 9,
  offsetFetch: 9,
  produce: 11,
  syncGroup: 5,
}

export type RequestName = keyof Spoken

interface Api {
  readonly api: { (connection: Connection, ...args: unknown[]): void; readonly key: number; readonly version: number }
}

/** What the client's request of this name and best version takes, and what it answers. */
type Best<Name extends RequestName> = `${Name}V${Spoken[Name]}` extends infer Key extends keyof Client
  ? Client[Key]
  : never
type Arguments<Name extends RequestName> =
  Best<Name> extends { createRequest: (...args: infer Given) => unknown } ? Given : never
type Answer<Name extends RequestName> =
  Best<Name> extends { parseResponse: (...args: never[]) => infer Given } ? Awaited<Given> : never

/** Speaks with brokers, with each in the best version that both know. */
export class Requests {
  readonly #client: Client
  readonly #versions = new WeakMap<Connection, Promise<ReadonlyMap<number, readonly [number, number]>>>()

  constructor(client: Client) {
    this.#client = client
  }

  /**
   * Sends one request. An answer that holds errors is an answer: look at its codes. Rejects where none came, and with
   * `TIDINGS_NOT_SUPPORTED` where the broker is too old.
   */
  async send<Name extends RequestName>(
    connection: Connection,
    name: Name,
    ...args: Arguments<Name>
  ): Promise<Answer<Name>> {
    const { api } = this.#api(name, await this.version(connection, name))
    return new Promise((resolve, reject) => {
      api(connection, ...args, (error: (Error & { response?: Answer<Name> }) | null, answer: Answer<Name>) => {
        if (error === null) resolve(answer)
        else if (error.response === undefined) reject(error)
        else resolve(error.response)
      })
    })
  }

  /** The best version of a request that this broker knows and that is spoken here. */
  async version(connection: Connection, name: RequestName): Promise<number> {
    let versions = this.#versions.get(connection)
    if (versions === undefined) this.#versions.set(connection, (versions = this.#ask(connection)))
    const { key } = this.#api(name, newest[name]).api
    const [least, most] = (await versions).get(key) ?? [0, -1]
    const best = Math.min(most, newest[name])
    if (best < Math.max(least, oldest[name])) {
      throw new TidingsError(
        'TIDINGS_NOT_SUPPORTED',
        `The broker does not know the request ${name} in a version that is spoken here; Kafka 3.1 or newer does.`,
        { details: { request: name, spoken: [oldest[name], newest[name]], known: [least, most] } },
      )
    }
    return best
  }

  #ask(connection: Connection): Promise<ReadonlyMap<number, readonly [number, number]>> {
    return new Promise((resolve, reject) => {
      this.#client.apiVersionsV3.api(connection, 'tidings', '0.1.0', (error, answer) => {
        if (answer === undefined || error) reject(error ?? new Error('The broker does not say what it knows.'))
        else resolve(new Map(answer.apiKeys.map((api) => [api.apiKey, [api.minVersion, api.maxVersion] as const])))
      })
    })
  }

  #api(name: RequestName, version: number): Api {
    return (this.#client as unknown as Record<string, Api>)[`${name}V${version}`] as Api
  }
}
