/** The keys of a store. Braces around the prefix put all of them into one hash slot. */
export interface StoreKeys {
  /** Begins every key. */
  readonly prefix: string
  /** A Redis stream: an entry for each event, its id the position. */
  readonly log: string
  /** A hash: `born`, `position`, `partitions`, `format`, `use`, `server` (who wrote last), `largest`. */
  readonly meta: string
  /** A hash: position, version and source of each event's id. */
  readonly ids: string
  /** A hash: how far each stream has come, and where its last events are. */
  readonly streams: string
  /** The channel on which commits are told. */
  readonly wake: string
}

export function storeKeys(name: string): StoreKeys {
  const prefix = `{${name}}`
  return {
    prefix,
    log: `${prefix}log`,
    meta: `${prefix}meta`,
    ids: `${prefix}ids`,
    streams: `${prefix}streams`,
    wake: `${prefix}wake`,
  }
}
