import type { EventRecord } from '../../events/record.ts'
import { TidingsError } from '../../kernel/errors.ts'
import { silentMeter } from '../../kernel/meter.ts'
import { type VirtualRuntime, virtualRuntime } from '../../kernel/virtual-runtime.ts'
import { memoryStore } from '../../store/memory/memory-store.ts'
import type { Store } from '../../store/store.ts'
import type { Consumer, Delivery, Offset, Sink, SubscribeOptions, Transport } from '../transport.ts'
import type { LogTransportOptions } from './log-options.ts'
import { logTransport } from './log-transport.ts'

/** For the tests of the log transport: several processes on one store under one virtual clock, and a group's books. */
export interface World {
  readonly runtime: VirtualRuntime
  readonly store: Store
  readonly log: { level: string; message: string; fields: Readonly<Record<string, unknown>> }[]
  process(options?: LogTransportOptions): Process
  append(count: number, category?: string): Promise<void>
}

/** `unsure`: commits are applied, but no answer comes. `hanging`: every call waits until it is well again, as in a process that was stopped. `dead`: no call ever answers. */
export type Health = 'well' | 'unsure' | 'failing' | 'hanging' | 'dead'

export interface Process {
  readonly transport: Transport
  health: Health
  /** Events read from the log so far. */
  readonly read: number
  readonly calls: number
  /** Resolves when this process gets through to its store, and rejects where the store fails. */
  readonly reach: () => Promise<void>
}

export function logWorld(seed: number, partitions = 8, over: (store: Store) => Store = (same) => same): World {
  const runtime = virtualRuntime({ seed })
  const store = over(memoryStore({ partitions }))
  const log: World['log'] = []
  let events = 0
  return {
    runtime,
    store,
    log,
    process(options) {
      const patient = patientStore(store)
      const host = {
        runtime,
        meter: silentMeter,
        log: (level: string, message: string, fields = {}) => void log.push({ level, message, fields }),
      }
      const transport = logTransport(patient.store, host, options)
      return {
        transport,
        get health() {
          return patient.health
        },
        set health(health) {
          patient.health = health
        },
        get read() {
          return patient.read
        },
        get calls() {
          return patient.calls
        },
        reach: patient.reach,
      }
    },
    async append(count, category = 'order') {
      const units = Array.from({ length: count }, () => ({
        append: [recordOf(`event-${++events}`, category, `key-${events % 61}`)],
      }))
      await store.commit(units)
    },
  }
}

export function recordOf(id: string, category: string, key: string): EventRecord {
  return {
    id,
    source: 'test',
    type: `${category}.happened`,
    version: '1.0.0',
    category,
    key,
    tenant: '',
    time: 0,
    priority: 2,
    correlation: '',
    causation: '',
    context: '',
    data: '{}',
    encoding: '',
    checksum: '',
    seal: '',
    fresh: true,
  }
}

interface PatientStore {
  readonly store: Store
  health: Health
  read: number
  calls: number
  readonly reach: () => Promise<void>
}

function patientStore(inner: Store): PatientStore {
  let waiting: (() => void)[] = []
  let health: Health = 'well'
  const through = async <T>(call: () => Promise<T>): Promise<T> => {
    patient.calls++
    while (health === 'hanging' || health === 'dead') await new Promise<void>((resolve) => waiting.push(resolve))
    if (health === 'failing') throw new TidingsError('TIDINGS_STORE_UNAVAILABLE', 'The store cannot be reached.')
    return call()
  }
  const store: Store = {
    ...inner,
    commit: (units) =>
      through(async () => {
        const results = await inner.commit(units)
        if (health === 'unsure') throw new TidingsError('TIDINGS_COMMIT_UNKNOWN', 'The connection broke.')
        return results
      }),
    find: (collection, query) => through(() => inner.find(collection, query)),
    readStream: (stream, query) => through(() => inner.readStream(stream, query)),
    readAll: (query) =>
      through(async () => {
        const page = await inner.readAll(query)
        patient.read += page.events.length
        return page
      }),
    // A process that is stopped hears nothing either.
    watch: (wake) => inner.watch(() => health === 'well' && wake()),
  }
  const patient: PatientStore = {
    store,
    reach: () => through(async () => {}),
    read: 0,
    calls: 0,
    get health() {
      return health
    },
    set health(next) {
      health = next
      for (const resume of waiting.splice(0)) resume()
      waiting = []
    },
  }
  return patient
}

/** What a group has handled: the truth that its members share, fenced as an engine fences it. */
export class Books {
  readonly handled: number[][]
  readonly owner: (Listener | undefined)[]
  readonly place: number[]

  constructor(partitions = 8) {
    this.handled = Array.from({ length: partitions }, () => [])
    this.owner = Array.from({ length: partitions }, () => undefined)
    this.place = Array.from({ length: partitions }, () => 0)
  }

  get count(): number {
    return this.handled.reduce((sum, offsets) => sum + offsets.length, 0)
  }
}

/** A sink that checks every promise of the port as it goes, and writes the group's books. */
export class Listener implements Sink {
  readonly books: Books
  readonly owned: Set<number> = new Set()
  readonly told: string[] = []
  readonly problems: string[] = []
  readonly scans: Map<number, Offset> = new Map()
  readonly got: Delivery[] = []
  consumer: Consumer | undefined
  credit = 0
  /** Asks again for as many as were delivered. */
  greedy = true
  /** How the sink spends its time in `assigned` and `revoked`. */
  slow: () => Promise<void> = async () => {}
  /** Gets through to the store that holds the books. */
  reach: () => Promise<void> = async () => {}
  #inside = 0
  readonly #last = new Map<number, Offset>()
  readonly #leaving = new Set<number>()

  constructor(books: Books) {
    this.books = books
  }

  async join(transport: Transport, options: SubscribeOptions, credit = 64): Promise<this> {
    this.consumer = await transport.subscribe(options, this)
    this.request(credit)
    return this
  }

  request(count: number): void {
    const before = this.got.length
    this.credit += count
    this.consumer?.request(count)
    if (this.got.length !== before) this.problems.push('delivered inside request')
  }

  seek(partition: number, offset: Offset): void {
    this.#last.set(partition, offset)
    this.scans.delete(partition)
    this.consumer?.seek(partition, offset)
  }

  async assigned(partitions: readonly number[]): Promise<readonly Offset[]> {
    this.#enter('assigned')
    try {
      await this.slow()
      await this.reach()
    } catch (error) {
      this.#inside--
      throw error
    }
    for (const partition of partitions) {
      if (this.owned.has(partition)) this.problems.push(`assigned ${partition} twice`)
      this.owned.add(partition)
      this.books.owner[partition] = this
      this.#last.set(partition, this.books.place[partition] as number)
      this.scans.delete(partition)
    }
    this.#leave(`assigned ${partitions.join(',')}`)
    return partitions.map((partition) => this.books.place[partition] as number)
  }

  async revoked(partitions: readonly number[]): Promise<void> {
    this.#enter('revoked')
    for (const partition of partitions) {
      if (!this.owned.has(partition)) this.problems.push(`revoked ${partition} that it had not`)
      this.#leaving.add(partition)
    }
    await this.slow()
    for (const partition of partitions) {
      this.owned.delete(partition)
      this.#leaving.delete(partition)
    }
    this.#leave(`revoked ${partitions.join(',')}`)
  }

  lost(partitions: readonly number[]): void {
    this.#enter('lost')
    for (const partition of partitions)
      if (!this.owned.delete(partition)) this.problems.push(`lost ${partition} that it had not`)
    this.#leave(`lost ${partitions.join(',')}`)
  }

  deliver(deliveries: readonly Delivery[]): void {
    this.credit -= deliveries.length
    if (this.credit < 0) this.problems.push('more than was requested')
    if (deliveries.length === 0) this.problems.push('delivered nothing')
    for (const delivery of deliveries) {
      const { partition, offset } = delivery
      if (!this.owned.has(partition) || this.#leaving.has(partition))
        this.problems.push(`delivered ${partition} without owning it`)
      if (offset <= (this.#last.get(partition) ?? 0))
        this.problems.push(`delivered ${offset} of ${partition} after ${this.#last.get(partition)}`)
      if (offset <= (this.scans.get(partition) ?? 0))
        this.problems.push(`delivered ${offset} of ${partition} although scanned`)
      this.#last.set(partition, offset)
      this.got.push(delivery)
      if (this.books.owner[partition] !== this) continue
      this.books.handled[partition]?.push(offset)
      this.books.place[partition] = offset
    }
    if (this.greedy) this.request(deliveries.length)
  }

  scanned(partition: number, offset: Offset): void {
    if (!this.owned.has(partition) || this.#leaving.has(partition))
      this.problems.push(`scanned ${partition} without owning it`)
    if (offset <= (this.scans.get(partition) ?? -1)) this.problems.push(`scanned ${offset} of ${partition} again`)
    this.scans.set(partition, offset)
  }

  ended(cause: Error): void {
    this.told.push(`ended ${cause.message}`)
  }

  #enter(call: string): void {
    if (this.#inside++ > 0) this.problems.push(`${call} inside another call`)
  }

  #leave(what: string): void {
    this.#inside--
    this.told.push(what)
  }
}

/** Where events of some categories stand in each partition, by the store itself. */
export async function logged(store: Store, categories?: readonly string[]): Promise<number[][]> {
  const offsets: number[][] = Array.from({ length: store.capabilities.partitions }, () => [])
  const page = await store.readAll({
    after: 0,
    limit: Number.MAX_SAFE_INTEGER,
    ...(categories !== undefined && { categories }),
  })
  for (const { partition, position } of page.events) offsets[partition]?.push(position)
  return offsets
}
