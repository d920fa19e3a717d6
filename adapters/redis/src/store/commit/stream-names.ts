import { partitionOf, type StreamName, streamText } from 'tidings/spi'

/** A stream, as the commit script hears of it. */
export interface NamedStream {
  readonly text: string
  readonly partition: number
  /** For which call its number holds. */
  call: number
  number: number
}

/** Streams that are remembered, before all are forgotten. */
const most = 10_000

/** Remembers streams by their parts, which costs less than putting their names together for each event. */
export class StreamNames {
  readonly #partitions: number
  readonly #tenants = new Map<string, Map<string, Map<string, NamedStream>>>()
  #count = 0
  /** Events of one category come together. */
  #tenant: string | undefined
  #category: string | undefined
  #keys = new Map<string, NamedStream>()

  constructor(partitions: number) {
    this.#partitions = partitions
  }

  find(name: StreamName): NamedStream {
    const { tenant, category, key } = name
    if (tenant !== this.#tenant || category !== this.#category) this.#turnTo(tenant, category)
    const known = this.#keys.get(key)
    if (known !== undefined) return known
    if (++this.#count > most) {
      this.#tenants.clear()
      this.#count = 1
      this.#turnTo(tenant, category)
    }
    const text = streamText(name)
    const stream = { text, partition: partitionOf(text, this.#partitions), call: 0, number: 0 }
    this.#keys.set(key, stream)
    return stream
  }

  #turnTo(tenant: string, category: string): void {
    let categories = this.#tenants.get(tenant)
    if (categories === undefined) this.#tenants.set(tenant, (categories = new Map()))
    let keys = categories.get(category)
    if (keys === undefined) categories.set(category, (keys = new Map()))
    this.#tenant = tenant
    this.#category = category
    this.#keys = keys
  }
}
