import {
  duplicateSequence,
  invalidProducerEpoch,
  invalidProducerMapping,
  invalidRecord,
  invalidTimestamp,
  messageTooLarge,
  noError,
  outOfOrderSequence,
  recordListTooLarge,
  unknownProducer,
} from '../client/broker-error.ts'

/**
 * What an answer means to a batch. `stored`: the broker has it, perhaps from an earlier try. `renew`: it does not know us as it should, so
 * the batch leaves again under a new identity. `divide`: some of its records may be to blame. `retry`: it may go better later.
 */
export type Fate = 'stored' | 'renew' | 'divide' | 'retry'

const fates: ReadonlyMap<number, Fate> = new Map<number, Fate>([
  [noError, 'stored'],
  [duplicateSequence, 'stored'],
  [outOfOrderSequence, 'renew'],
  [unknownProducer, 'renew'],
  [invalidProducerEpoch, 'renew'],
  [invalidProducerMapping, 'renew'],
  [messageTooLarge, 'divide'],
  [recordListTooLarge, 'divide'],
  [invalidTimestamp, 'divide'],
  [invalidRecord, 'divide'],
])

export function fateOf(error: number): Fate {
  return fates.get(error) ?? 'retry'
}
