import { loadPeer } from '../../peers/load-peer.ts'
import type { Side } from '../harness/side.ts'
import { keyOf, orderOf, type as orderType } from '../order-event.ts'
import { Tally } from './tally.ts'

interface EmmettEvent {
  readonly type: string
  readonly data: unknown
}

interface Emmett {
  getInMemoryMessageBus(): { subscribe(handler: (event: EmmettEvent) => Promise<void>, ...types: string[]): void }
  forwardToMessageBus(bus: unknown): unknown
  getInMemoryEventStore(options: object): {
    appendToStream(stream: string, events: readonly EmmettEvent[]): Promise<unknown>
  }
}

/** Emmett's store in memory: appends, then hands what was appended to its message bus, and waits for the handlers. */
export async function open(): Promise<Side> {
  const emmett = (await loadPeer('@event-driven-io/emmett')) as Emmett
  const tally = new Tally()
  const bus = emmett.getInMemoryMessageBus()
  bus.subscribe(async () => tally.add(), orderType)
  const fresh = (): ReturnType<Emmett['getInMemoryEventStore']> =>
    emmett.getInMemoryEventStore({ hooks: { onAfterCommit: emmett.forwardToMessageBus(bus) } })
  let store = fresh()
  const eventOf = (at: number): EmmettEvent => ({ type: orderType, data: orderOf(at) })
  return {
    one: (at) => store.appendToStream(keyOf(at), [eventOf(at)]),
    batch: (from, count) =>
      store.appendToStream(
        keyOf(from / count),
        Array.from({ length: count }, (_, at) => eventOf(from + at)),
      ),
    seen: () => tally.count,
    finished: (total) => tally.reach(total),
    // Its appends copy the stream and count all streams, so a store that has grown is a slower one.
    rest: () => {
      store = fresh()
      return undefined
    },
  }
}
