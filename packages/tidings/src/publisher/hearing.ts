import type { Event } from '../events/event.ts'
import type { EventRecord } from '../events/record.ts'
import { eventOf } from '../events/record-codec.ts'
import { partitionOf } from '../store/partitioner.ts'
import { type DocumentChange, type Placed, type Store, type StoredEvent, streamText } from '../store/store.ts'
import { type Audience, hearAll } from './audience.ts'
import { type ListenerFailure, type Receipt, receiptOf } from './receipt.ts'

export interface HearingHost {
  readonly store: Store
  /** Of what a publish has written, for receipts. */
  readonly durability: Receipt['durability']
  audience(type: string): Audience
}

/** What happens between a commit and its receipt: the inline listeners of this process hear. */
export class Hearing {
  readonly #host: HearingHost

  constructor(host: HearingHost) {
    this.#host = host
  }

  /** What must be committed with these records, so that a crash before their inline listeners have run loses nothing. */
  promises(records: readonly EventRecord[]): readonly DocumentChange[] {
    const documents: DocumentChange[] = []
    for (const record of records) {
      const { inline, promising } = this.#host.audience(record.type)
      if (!promising) continue
      for (const listener of inline) {
        const document = listener.promise(record)
        if (document !== undefined) documents.push(document)
      }
    }
    return documents
  }

  /** Runs the inline listeners of one event and answers its receipt. */
  hear(
    event: Event<unknown>,
    record: EventRecord,
    placed: Placed,
    repeated: boolean,
    audience: Audience = this.#host.audience(event.type),
  ): Receipt | Promise<Receipt> {
    const stored = 'stream' in placed ? (placed as StoredEvent) : this.#stored(record, placed)
    const receipt = (failures?: readonly ListenerFailure[]): Receipt =>
      receiptOf(event, placed.position, placed.streamVersion, this.#host.durability, audience.matched, failures)
    const failures = hearAll(audience.inline, stored, repeated)
    return failures instanceof Promise ? failures.then(receipt) : receipt(failures)
  }

  /** The same of records that a unit of somebody else has committed. */
  async hearAll(records: readonly EventRecord[], placed: readonly Placed[], repeated: boolean): Promise<void> {
    const heard = records.map((record) => this.#host.audience(record.type).inline.length > 0)
    if (!heard.includes(true)) return
    // Publishers whose units shared the commit hear in the next microtask; going before them would break the order.
    await Promise.resolve()
    await Promise.all(
      records.map(async (record, at) => {
        if (heard[at] === true) await this.hear(eventOf(record), record, placed[at] as Placed, repeated)
      }),
    )
  }

  #stored(record: EventRecord, placed: Placed): StoredEvent {
    const stream = streamText(record)
    return {
      position: placed.position,
      streamVersion: placed.streamVersion,
      record,
      stream,
      partition: partitionOf(stream, this.#host.store.capabilities.partitions),
    }
  }
}
