import {
  checksumOf,
  type Delivery,
  type EventRecord,
  type Sink,
  type SubscribeOptions,
  streamText,
  type Transport,
  type TransportCapabilities,
} from 'tidings/spi'

/** A broker that does what a test says, call by call. */
export interface ScriptedBroker {
  readonly through: (transport: Transport) => Transport
  /** Everybody who has subscribed, in order. */
  readonly members: Member[]
  /** What `subscribe` waits for, and what `close` of a member does. */
  joining: Promise<void> | undefined
  leaving: Promise<void> | undefined
}

export interface Member {
  readonly sink: Sink
  readonly topics: readonly string[] | undefined
  readonly start: SubscribeOptions['start']
  requested: number
  closed: boolean
}

export function scriptedBroker(
  kind: TransportCapabilities['kind'] = 'log',
  more: Partial<TransportCapabilities> = {},
): ScriptedBroker {
  const members: Member[] = []
  const broker: ScriptedBroker = {
    members,
    joining: undefined,
    leaving: undefined,
    through: (transport) => ({
      ...transport,
      capabilities: Object.freeze({
        ...transport.capabilities,
        name: 'scripted',
        kind,
        groups: kind !== 'fanout',
        redelivery: kind !== 'fanout',
        replay: kind === 'log',
        ...more,
      }),
      async subscribe({ topics, start }, sink) {
        await broker.joining
        const member: Member = { sink, topics, start, requested: 0, closed: false }
        members.push(member)
        return {
          request: (count) => void (member.requested += count),
          done() {},
          settle() {},
          seek() {},
          async close() {
            await broker.leaving
            member.closed = true
            if (kind === 'log') await sink.revoked([0])
          },
        }
      },
    }),
  }
  return broker
}

/** Deliveries of partition 0 with these offsets, first and last included. */
export function deliveries(from: number, to: number, category = 'note', id = 'e'): Delivery[] {
  return Array.from({ length: to - from + 1 }, (_, at) => {
    const record = recordOf(category, `${id}-${from + at}`)
    return { partition: 0, offset: from + at, stream: streamText(record), record }
  })
}

function recordOf(category: string, id: string): EventRecord {
  const record = {
    id,
    source: '/elsewhere',
    type: `${category}.taken`,
    version: '',
    category,
    key: 'k',
    tenant: '',
    time: 1_767_225_600_000,
    priority: 2,
    correlation: id,
    causation: '',
    context: '',
    data: '{}',
    encoding: '',
  }
  return { ...record, checksum: checksumOf(record), seal: '' }
}
