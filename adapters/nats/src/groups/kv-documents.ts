import type { JetStreamClient } from '@nats-io/jetstream'
import type { Msg, Subscription } from '@nats-io/transport-node'
import {
  type CommitResult,
  type DocumentChange,
  type DocumentQuery,
  type Expectation,
  type GroupDocuments,
  type Host,
  progressCollection,
  type StoredDocument,
  TidingsError,
  type Timer,
  type Unit,
} from 'tidings/spi'

import type { Link } from '../connection/link.ts'
import { apiCode, apiCodeOf } from '../connection/nats-errors.ts'
import { bucketOf } from '../stream/stream-config.ts'
import { tokenOf } from '../stream/subjects.ts'

export interface KvDocumentsOptions {
  readonly link: Link
  readonly host: Host
  readonly prefix: string
  readonly group: string
  /** Milliseconds until a request without an answer is given up. */
  readonly timeout: () => number
  /** The bucket is gone. */
  readonly missing: () => void
}

type DocumentExpectation = Extract<Expectation, { collection: string }>

/** Between hearing of a write and looking for it, in milliseconds: what is heard was published, but perhaps not stored yet. */
const settling = 10

/**
 * The documents of one group in a key-value bucket: `<group>.owners`, `<group>.instances.<id>` and `<group>.progress.<group>/<partition>`, a revision as version. Reads are answered by
 * whoever leads the bucket, never by a follower, so that what was written before is seen.
 */
export class KvDocuments implements GroupDocuments {
  readonly #options: KvDocumentsOptions
  readonly #stream: string
  readonly #root: string
  readonly #client: JetStreamClient
  #known = new Set<string>()

  constructor(options: KvDocumentsOptions) {
    const { link, prefix, group } = options
    const bucket = bucketOf(prefix)
    this.#options = options
    this.#stream = `KV_${bucket}`
    this.#root = `$KV.${bucket}.${tokenOf(group)}`
    this.#client = link.manager.jetstream()
  }

  async find(collection: string, { id, after, limit = 1_000 }: DocumentQuery = {}): Promise<readonly StoredDocument[]> {
    if (id !== undefined) {
      const document = await this.#read(this.#subject(collection, id), id)
      return document === undefined ? [] : [document]
    }
    if (collection === 'owners') return this.find(collection, { id: this.#options.group })
    const subjects = await this.#subjects(collection)
    const ids = subjects
      .map((subject) => subject.slice(subject.lastIndexOf('.') + 1))
      .filter((one) => after === undefined || one > after)
      .toSorted()
      .slice(0, limit)
    const found = await Promise.all(ids.map((one) => this.#read(this.#subject(collection, one), one)))
    const documents = found.filter((document) => document !== undefined)
    this.#known = new Set(documents.map((document) => this.#subject(collection, document.id)))
    return documents
  }

  /** Units are applied one after another, each whole or not at all as long as it changes one document. Notes of progress do not wait for each other. */
  async commit(units: readonly Unit[]): Promise<readonly CommitResult[]> {
    if (units.every(isNote)) return Promise.all(units.map((unit) => this.#apply(unit)))
    const results: CommitResult[] = []
    for (const unit of units) results.push(await this.#apply(unit))
    return results
  }

  watch(wake: () => void): () => void {
    const { link, host } = this.#options
    let timer: Timer | undefined
    const heard = (subject: string): void => {
      // Signs of life of those we know are no news.
      if (this.#known.has(subject) || timer !== undefined || link.dead) return
      timer = host.runtime.setTimer(settling, () => {
        timer = undefined
        wake()
      })
    }
    const subscriptions: Subscription[] = []
    if (!link.nats.isClosed()) {
      // Progress is noted often, and tells nobody what to do.
      for (const subject of [`${this.#root}.owners`, `${this.#root}.instances.*`]) {
        const callback = (error: Error | null, message: Msg): void => {
          if (error === null) heard(message.subject)
        }
        subscriptions.push(link.nats.subscribe(subject, { callback }))
      }
    }
    return () => {
      for (const subscription of subscriptions) subscription.unsubscribe()
      timer?.cancel()
    }
  }

  #subject(collection: string, id: string): string {
    return collection === 'owners' ? `${this.#root}.owners` : `${this.#root}.${collection}.${tokenOf(id)}`
  }

  async #apply({ expect = [], documents = [] }: Unit): Promise<CommitResult> {
    const [change] = documents
    const [expectation] = expect as readonly DocumentExpectation[]
    if (change === undefined || documents.length > 1 || expect.length > 1) throw notOne()
    if ('delete' in change) await this.#delete(change, expectation)
    else if (!(await this.#put(change, expectation)))
      return { status: 'conflict', expectation: expectation as DocumentExpectation, actual: Number.NaN }
    return { status: 'committed', events: [], repeated: false }
  }

  /** False: the document stands at another version. */
  async #put(
    { put, collection, id }: Extract<DocumentChange, { put: string }>,
    expectation: DocumentExpectation | undefined,
  ): Promise<boolean> {
    try {
      await this.#ask('to share out partitions', () =>
        this.#client.publish(this.#subject(collection, id), put, {
          timeout: this.#options.timeout(),
          ...(expectation !== undefined && { expect: { lastSubjectSequence: expectation.version } }),
        }),
      )
      return true
    } catch (error) {
      const code = apiCodeOf((error as { cause?: unknown }).cause)
      if (code === apiCode.wrongLastSequence || code === apiCode.wrongLastSequenceConstant) return false
      throw error
    }
  }

  /** Removes the document without a trace, not beyond the version expected: ids of instances come but once, and marks of them would pile up. */
  async #delete(
    { collection, id }: Extract<DocumentChange, { delete: true }>,
    expectation: DocumentExpectation | undefined,
  ): Promise<void> {
    const filter = this.#subject(collection, id)
    await this.#ask('to leave a group', () =>
      this.#options.link.manager.streams.purge(this.#stream, {
        filter,
        ...(expectation !== undefined && { seq: expectation.version + 1 }),
      }),
    )
  }

  async #read(subject: string, id: string): Promise<StoredDocument | undefined> {
    try {
      const message = await this.#ask('for the members of a group', () =>
        this.#options.link.manager.streams.getMessage(this.#stream, { last_by_subj: subject }),
      )
      return message === null ? undefined : { id, version: message.seq, body: message.string() }
    } catch (error) {
      if (apiCodeOf((error as { cause?: unknown }).cause) === apiCode.messageNotFound) return undefined
      throw error
    }
  }

  async #subjects(collection: string): Promise<string[]> {
    const info = await this.#ask('for the members of a group', () =>
      this.#options.link.manager.streams.info(this.#stream, { subjects_filter: `${this.#root}.${collection}.*` }),
    )
    return Object.keys(info.state.subjects ?? {})
  }

  async #ask<Answer>(doing: string, work: () => Promise<Answer>): Promise<Answer> {
    const { link, missing, host, timeout } = this.#options
    let timer: Timer | undefined
    const inTime = (): Promise<Answer> => {
      const late = new Promise<never>((_, reject) => {
        timer = host.runtime.setTimer(timeout(), () => reject(new Error('No answer in time.')))
      })
      return Promise.race([work(), late])
    }
    try {
      return await link.ask(doing, inTime)
    } catch (error) {
      if (apiCodeOf((error as { cause?: unknown }).cause) === apiCode.streamNotFound) missing()
      throw error
    } finally {
      timer?.cancel()
    }
  }
}

function isNote({ documents = [] }: Unit): boolean {
  return documents.every(({ collection }) => collection === progressCollection)
}

function notOne(): TidingsError {
  return new TidingsError('TIDINGS_NOT_SUPPORTED', 'A bucket changes one document at a time.', {
    details: { capability: 'units' },
  })
}
