import { isTidingsError, toStructured } from 'tidings'
import type { StoredEvent } from 'tidings/spi'

import type { Session } from '../session.ts'

/** Writes an event as one line of CloudEvents JSON, whole. False, with a word on the error output, for one that no CloudEvent can say. */
export async function writeCloudEvent(session: Session, stored: StoredEvent): Promise<boolean> {
  let text: string
  try {
    text = toStructured(stored.record)
  } catch (error) {
    if (!isTidingsError(error)) throw error
    await session.err.json({ error: { code: error.code, message: error.message, position: stored.position } })
    return false
  }
  await session.out.jsonText(text)
  return true
}
