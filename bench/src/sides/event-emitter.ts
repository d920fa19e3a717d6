import { EventEmitter } from 'node:events'

import type { Side } from '../harness/side.ts'
import { type Envelope, envelopeOf, type as orderType } from '../order-event.ts'
import { Tally } from './tally.ts'

/** Node's own emitter: calls the handler and waits for nothing. */
export async function open(): Promise<Side> {
  const emitter = new EventEmitter()
  const tally = new Tally()
  const handler = async (_event: Envelope): Promise<void> => tally.add()
  // As applications do: the emitter knows nothing of promises.
  // oxlint-disable-next-line typescript/no-misused-promises
  emitter.on(orderType, handler)
  return {
    one: (at) => {
      emitter.emit(orderType, envelopeOf(at))
      return undefined
    },
    batch: (from, count) => {
      for (let at = from; at < from + count; at++) emitter.emit(orderType, envelopeOf(at))
      return undefined
    },
    seen: () => tally.count,
  }
}
