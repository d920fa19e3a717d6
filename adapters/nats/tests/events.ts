import { checksumOf, type EventRecord, realRuntime } from 'tidings/spi'

const runtime = realRuntime()

/** An event like those of a bus, everything by default. */
export function eventOf(parts: Partial<EventRecord> = {}): EventRecord {
  const id = runtime.id()
  const whole = {
    id,
    source: '/nats-tests',
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
    ...parts,
  }
  return { ...whole, checksum: checksumOf(whole), seal: '' }
}
