import { dataBytes } from '../events/data-codec.ts'
import type { Event } from '../events/event.ts'
import { checksumOf, type EventRecord } from '../events/record.ts'
import { contextOf, contextText, plainRecord, rememberWhole } from '../events/record-codec.ts'
import { datarefOf, payloadId } from './claim.ts'
import type { PayloadStore } from './payload-store.ts'

/**
 * The record without its data, which is in `payloads` when this resolves: no event is ever committed before its data. Checksum and seal are made anew
 * over what is left, which names the data by its hash. Rejects with what the payload store says; then nothing is published.
 */
export async function keepApart(
  event: Event<unknown>,
  record: EventRecord,
  payloads: PayloadStore,
  seal: ((checksum: string) => string) | undefined,
): Promise<EventRecord> {
  const bytes = typeof record.data === 'string' ? Buffer.from(record.data) : record.data
  const id = payloadId(bytes)
  await payloads.put(id, bytes)
  const context = contextOf(record)
  const dataref = datarefOf({ id, bytes: dataBytes(record), encoding: record.encoding })
  const { event: _whole, ...plain } = plainRecord(record)
  const changed = {
    ...plain,
    context: contextText({ ...context, extensions: { ...context.extensions, dataref } }),
    data: '',
    encoding: '',
  }
  const checksum = checksumOf(changed)
  const apart = { ...changed, checksum, seal: seal?.(checksum) ?? '' }
  rememberWhole(apart, event)
  return apart
}
