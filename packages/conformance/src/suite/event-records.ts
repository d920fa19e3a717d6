import { checksumOf, type EventRecord, type VirtualRuntime } from 'tidings/spi'

/** What a record is drawn from: ids and chance, from the case's seed. */
export interface Chance {
  readonly chance: VirtualRuntime
}

/** An event like those of a bus: an id from the world's chance, a checksum that is right, everything else by default. */
export function record(world: Chance, parts: Partial<EventRecord> = {}): EventRecord {
  const id = world.chance.id()
  const whole: EventRecord = {
    id,
    source: '/conformance',
    type: 'order.placed',
    version: '1.0.0',
    category: 'order',
    key: 'o-1',
    tenant: '',
    time: world.chance.now(),
    priority: 2,
    correlation: id,
    causation: '',
    context: '',
    data: '{"total":1}',
    encoding: '',
    checksum: '',
    seal: '',
    ...parts,
  }
  return { ...whole, checksum: parts.checksum ?? checksumOf(whole) }
}

export function records(world: Chance, count: number, parts: Partial<EventRecord> = {}): EventRecord[] {
  return Array.from({ length: count }, (_, at) => record(world, { data: `{"at":${at}}`, ...parts }))
}

const fields = [
  'id',
  'source',
  'type',
  'version',
  'category',
  'key',
  'tenant',
  'time',
  'priority',
  'correlation',
  'causation',
  'context',
  'encoding',
  'checksum',
  'seal',
] as const

/** What comes back of a record: everything but the notes of the process that made it; bytes as plain bytes. */
export function stored(one: EventRecord): unknown {
  const data = typeof one.data === 'string' ? one.data : Uint8Array.from(one.data)
  return { ...Object.fromEntries(fields.map((field) => [field, one[field]])), data }
}

export function ids(events: readonly { readonly record: EventRecord }[]): string[] {
  return events.map((event) => event.record.id)
}
