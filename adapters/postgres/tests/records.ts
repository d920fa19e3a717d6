import { checksumOf, type EventRecord, virtualRuntime } from 'tidings/spi'

const ids = virtualRuntime({ seed: 7 })

export function record(parts: Partial<EventRecord> = {}): EventRecord {
  const id = parts.id ?? ids.id()
  const one = {
    id,
    source: '/test',
    type: 'order.placed',
    version: '1.0.0',
    category: 'order',
    key: 'o-1',
    tenant: '',
    time: 1_767_225_600_000,
    priority: 2,
    correlation: id,
    causation: '',
    context: '',
    data: '{"total":1}',
    encoding: '',
    ...parts,
  }
  return { checksum: checksumOf(one), seal: '', ...one }
}

export function records(count: number, parts: (at: number) => Partial<EventRecord> = () => ({})): EventRecord[] {
  return Array.from({ length: count }, (_, at) => record(parts(at)))
}
