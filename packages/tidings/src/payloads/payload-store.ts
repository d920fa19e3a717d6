/**
 * Keeps large data apart from its events: a folder, a bucket. Content has its own name, so what is kept twice is kept once. Every service that
 * handles such events must reach the same one.
 */
export interface PayloadStore {
  /** Resolves when the bytes are as durable as it makes them. Keeping the same id again is harmless, and makes it young. Ids are 43 letters, digits, `-` and `_`. */
  put(id: string, bytes: Uint8Array): Promise<void>
  /** Undefined where there is none (any more). Rejects where it cannot be reached: then the event waits. */
  get(id: string): Promise<Uint8Array | undefined>
}
