import { createHmac, hash } from 'node:crypto'

import type { Event } from '../events/event.ts'
import type { DocumentChange, Expectation, Store } from '../store/store.ts'

export const dedupCollection = 'dedup'

/** What the window remembers of one content. */
interface Mark {
  readonly id: string
  readonly position: number
  readonly until: number
}

/** Where a duplicate's first event is. */
export interface FirstEvent {
  readonly id: string
  readonly position: number
}

/**
 * The mark of an event's content: HMAC-SHA-256 over tenant, type, key and plaintext (or the caller's own key instead of the last two), taken
 * before encryption. With a secret of the deployment it tells nothing about the content to those who read the store.
 */
export function contentMark(event: Event<unknown>, dedupKey: string | undefined, secret: string): string {
  const content = dedupKey === undefined ? `c\n${event.key}\n${JSON.stringify(event.data)}` : `k\n${dedupKey}`
  const text = `${event.context.tenantId ?? ''}\n${event.type}\n${content}`
  return secret === ''
    ? hash('sha256', text, 'base64url')
    : createHmac('sha256', secret).update(text).digest('base64url')
}

/** Either the first event of the window, or what the unit must expect and write so that only one of two racing publishes stands. */
export async function claimContent(
  store: Store,
  mark: string,
  event: Event<unknown>,
  now: number,
  window: number,
): Promise<{ readonly first: FirstEvent } | { readonly expect: Expectation; readonly document: DocumentChange }> {
  const [found] = await store.find(dedupCollection, { id: mark })
  const known = found === undefined ? undefined : (JSON.parse(found.body) as Mark)
  if (known !== undefined && known.until > now && known.id !== event.id) return { first: known }
  return {
    expect: { collection: dedupCollection, id: mark, version: found?.version ?? 0 },
    document: {
      collection: dedupCollection,
      id: mark,
      put: JSON.stringify({ id: event.id, until: now + window }),
      index: { until: now + window },
    },
  }
}
