import { checksumOf, type EventRecord, realRuntime } from 'tidings/spi'

const runtime = realRuntime()

/** An event as a bus makes it. */
export function event(parts: Partial<EventRecord> = {}): EventRecord {
  const id = runtime.id()
  const whole: EventRecord = {
    id,
    source: '/test',
    type: 'order.placed',
    version: '1.0.0',
    category: 'order',
    key: 'o-1',
    tenant: '',
    time: runtime.now(),
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
