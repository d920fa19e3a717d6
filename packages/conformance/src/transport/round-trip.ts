import assert from 'node:assert/strict'

import { isTidingsError, partitionOf, streamText } from 'tidings/spi'

import type { Topic } from '../suite/case.ts'
import { record, records, stored } from '../suite/event-records.ts'
import { same } from '../suite/same.ts'
import { allHear } from './member.ts'
import { listen, publishAll } from './publishing.ts'
import type { TransportWorld } from './transport-world.ts'

const texts = [
  'é versus e\u0301',
  '😀 👩‍👩‍👧',
  'a"b\\c\'d',
  '100% _ * ?',
  '__proto__',
  'constructor',
  'x'.repeat(500),
  ' ',
]

/** Limits above this are tested as if there were none: nobody sends that much in one event. */
const absurd = 64 * 1_024 * 1_024

export const roundTrip: Topic<TransportWorld> = {
  name: 'round trip',
  cases: [
    {
      promise: 'round-trip',
      title: 'every field arrives as it was published: unicode, bytes, nothing at all',
      run: async (world) => {
        const { transport } = world
        const member = await listen(world, transport, 'group')
        const every = Uint8Array.from({ length: 256 }, (_, at) => at)
        const written = [
          ...texts.map((text) =>
            record(world, {
              key: text,
              tenant: text,
              source: `/${encodeURIComponent(text)}`,
              data: JSON.stringify(text),
              context: JSON.stringify({ actor: text, business: { text } }),
            }),
          ),
          record(world, { data: every, encoding: 'gzip' }),
          record(world, { data: Uint8Array.of(0), encoding: 'zstd' }),
          record(world, { data: '' }),
          record(world, { data: '{ "b": 1e2,\n "a": "\\u0000" }' }),
          record(world, { version: '', priority: 0, time: 0, causation: 'c-1', seal: `k-1.${'c2Vh'.repeat(21)}bA` }),
        ]
        await publishAll(world, transport, written)
        await allHear(world, [member], written)
        for (const one of written) {
          const found = member.deliveries.find((delivery) => delivery.record?.id === one.id)
          assert.ok(found?.record)
          same(stored(found.record), stored(one))
          assert.equal(typeof found.record.data, typeof one.data, 'text stays text, bytes stay bytes')
          assert.equal(found.stream, streamText(one))
        }
      },
    },
    {
      promise: 'partition',
      title: 'a stream is always in the partition that the common partitioner gives it',
      run: async (world) => {
        const { transport } = world
        const { partitions, topicPartitions, kind } = transport.capabilities
        const member = await listen(world, transport, 'group')
        const written = Array.from({ length: 60 }, (_, at) =>
          record(world, { key: `k-${at % 30}`, tenant: at % 2 === 0 ? '' : 'acme' }),
        )
        await publishAll(world, transport, written)
        await allHear(world, [member], written)
        const places = new Map<string, number>()
        for (const { partition, stream } of member.deliveries) {
          assert.ok(Number.isSafeInteger(partition) && partition >= 0)
          // Brokers whose topics have partitions of their own may spread streams by a text of theirs.
          if (topicPartitions === true) assert.equal(partition, places.get(stream) ?? partition)
          else if (kind === 'log') assert.equal(partition, partitionOf(stream, partitions))
          else assert.ok(partition < Math.max(1, partitions))
          places.set(stream, partition)
        }
        if (kind === 'log' && partitions > 1) assert.ok(new Set(places.values()).size > 1, 'streams are spread')
      },
    },
    {
      promise: 'size',
      title:
        'takes large events below its limit; beyond it refuses them with TIDINGS_TOO_LARGE, and not their neighbours',
      run: async (world) => {
        const { transport, volumes } = world
        const { maxBytes } = transport.capabilities
        assert.ok(Number.isInteger(maxBytes) && maxBytes > 0)
        const member = await listen(world, transport, 'group')
        const size = Math.min(volumes.largeBytes, Math.floor(maxBytes / 2))
        const large = record(world, { data: JSON.stringify('x'.repeat(size)) })
        const bytes = record(world, { data: new Uint8Array(size).map((_, at) => at & 0xff), encoding: 'gzip' })
        await publishAll(world, transport, [large, bytes])
        const neighbours = records(world, 2)
        if (maxBytes <= absurd) {
          const beyond = record(world, { data: JSON.stringify('x'.repeat(maxBytes)) })
          const outcomes = await world.end(
            transport.publish([neighbours[0] ?? beyond, beyond, neighbours[1] ?? beyond]),
            'publish',
          )
          same(
            outcomes.map((outcome) => outcome.status),
            ['stored', 'refused', 'stored'],
          )
          assert.ok(outcomes[1]?.status === 'refused' && isTidingsError(outcomes[1].error, 'TIDINGS_TOO_LARGE'))
        } else await publishAll(world, transport, neighbours)
        await allHear(world, [member], [large, bytes, ...neighbours])
        for (const one of [large, bytes]) {
          const found = member.deliveries.find((delivery) => delivery.record?.id === one.id)
          assert.ok(found?.record)
          same(stored(found.record), stored(one))
        }
      },
    },
  ],
}
