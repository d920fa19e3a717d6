import type { EventRecord } from '../events/record.ts'

/**
 * Events that are in the store already, under ids that a handler has given. A unit of nothing but such events is answered as a repetition and not
 * applied; without them, the rest of it is.
 */
export type Standing = ReadonlySet<string>

export function addStanding(known: Standing | undefined, records: readonly EventRecord[]): Standing {
  return new Set([...(known ?? []), ...records.map(nameOf)])
}

/** Undefined where none is left. */
export function withoutStanding(
  records: readonly EventRecord[] | undefined,
  standing: Standing,
): readonly EventRecord[] | undefined {
  const left = records?.filter((record) => !standing.has(nameOf(record)))
  return left?.length === 0 ? undefined : left
}

/** What is unique for ever. Neither part holds control characters. */
function nameOf({ source, id }: EventRecord): string {
  return `${source}\n${id}`
}
