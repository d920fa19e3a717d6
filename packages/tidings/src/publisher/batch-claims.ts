import type { Event } from '../events/event.ts'
import type { DocumentChange, Expectation, Store } from '../store/store.ts'
import { claimContent, contentMark } from './content-mark.ts'

/** Which events of a batch are new, and what their unit must expect and write so that they stay the only ones. */
export interface BatchClaims {
  /** By place in the batch: the event it repeats, of the log or of the same batch. All others are new. */
  readonly duplicates: ReadonlyMap<number, { readonly id: string }>
  readonly expect: readonly Expectation[]
  readonly documents: readonly DocumentChange[]
}

/** Claims the contents of those events of a batch whose types ask for it. */
export async function claimBatch(
  store: Store,
  events: readonly Event<unknown>[],
  asks: (at: number) => boolean,
  options: { readonly secret: string; readonly now: number; readonly window: number },
): Promise<BatchClaims> {
  const duplicates = new Map<number, { readonly id: string }>()
  const claimed = new Map<string, Event<unknown>>()
  const expect: Expectation[] = []
  const documents: DocumentChange[] = []
  for (const [at, event] of events.entries()) {
    if (!asks(at)) continue
    const mark = contentMark(event, undefined, options.secret)
    const earlier = claimed.get(mark)
    if (earlier !== undefined) {
      duplicates.set(at, earlier)
      continue
    }
    const claim = await claimContent(store, mark, event, options.now, options.window)
    if ('first' in claim) duplicates.set(at, claim.first)
    else {
      claimed.set(mark, event)
      expect.push(claim.expect)
      documents.push(claim.document)
    }
  }
  return { duplicates, expect, documents }
}
