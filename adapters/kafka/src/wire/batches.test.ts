import { gzipSync, zstdCompressSync } from 'node:zlib'

import { mulberry32 } from 'tidings/spi'
import { describe, expect, it } from 'vitest'

import { loadClient } from '../client/load-client.ts'
import { type Aborted, BatchReader, endOfBatches, type InRecord, type Unreadable } from './batch-reader.ts'
import { batchHead, OutBatch, type OutRecord } from './out-batch.ts'

const client = await loadClient()
const seed = Math.floor(Math.random() * 0x7fff_ffff)
const sequence = { producerId: 7n, epoch: 3, first: 11 }

function sealed(records: readonly OutRecord[], limit = 1_000_000): Buffer {
  const batch = new OutBatch(limit, 1_700_000_000_000)
  for (const record of records) expect(batch.add(record)).toBe(true)
  return Buffer.from(batch.seal(sequence, client.crc32c))
}

/** As a broker keeps it: with the offset that it was given, and marked if need be. */
function stored(bytes: Buffer, offset: number, attributes = 0, producerId = 7n): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeBigInt64BE(BigInt(offset), 0)
  copy.writeInt16BE(attributes, 21)
  copy.writeBigInt64BE(producerId, 43)
  copy.writeUInt32BE(client.crc32c(copy.subarray(21)), 17)
  return copy
}

function all(bytes: Buffer, from = 0, aborted: readonly Aborted[] = []): (InRecord | Unreadable)[] {
  const reader = new BatchReader(client, { bytes, from, aborted })
  const found: (InRecord | Unreadable)[] = []
  for (let one = reader.take(); one !== undefined; one = reader.take()) found.push(one)
  return found
}

const record = (key: string, value: OutRecord['value'] = 'v', headers: OutRecord['headers'] = {}): OutRecord => ({
  key,
  value,
  headers,
})

describe('batches that are written', () => {
  it("are what the vendor's client reads, whatever the sizes", () => {
    const chance = mulberry32(seed)
    const text = (most: number): string => {
      const length = Math.floor(chance() * chance() * most)
      return Array.from({ length }, () => 'aé€😀'.at(Math.floor(chance() * 4)))
        .join('')
        .toWellFormed()
    }
    const records = Array.from({ length: 300 }, (_, at) => {
      const value = [text(12_000), Buffer.from(text(300)), undefined, ''][at % 4]
      const headers = Object.fromEntries(
        Array.from({ length: Math.floor(chance() * 90) }, (_none, name) => [`h${name}`, text(100)]),
      )
      return record(text(80), value, headers)
    })
    const bytes = sealed(records, 100_000_000)
    const batch = client.readRecordsBatch(client.Reader.from(bytes))
    expect(batch).toMatchObject({
      producerId: 7n,
      producerEpoch: 3,
      firstSequence: 11,
      lastOffsetDelta: 299,
      magic: 2,
    })
    expect(batch.length).toBe(bytes.length - 12)
    expect(batch.crc).toBe(client.crc32c(bytes.subarray(21)))
    for (const [at, read] of batch.records.entries()) {
      const { key, value, headers } = records[at] as OutRecord
      expect(read.key?.toString(), `seed ${seed}`).toBe(key)
      expect(read.offsetDelta).toBe(at)
      if (value === undefined) expect(read.value).toBeNull()
      else expect(Buffer.from(read.value ?? ''), `seed ${seed}`).toEqual(Buffer.from(value))
      expect(read.headers.map(([name, content]) => [String(name), String(content)])).toEqual(Object.entries(headers))
    }
    const own = all(bytes) as InRecord[]
    expect(own.map(({ offset, key, value }) => [offset, key?.toString(), value?.toString()])).toEqual(
      records.map(({ key, value }, at) => [at, key, value === undefined ? undefined : Buffer.from(value).toString()]),
    )
  })

  it('take a record that just fits, and are as before when one does not', () => {
    const batch = new OutBatch(batchHead + 100, 0)
    expect(batch.add(record('k', 'x'.repeat(200)))).toBe(false)
    expect(batch.size).toBe(batchHead)
    expect(batch.add(record('k', 'x'.repeat(90)))).toBe(true)
    expect(batch.size).toBe(batchHead + 100)
    expect(batch.add(record('k', ''))).toBe(false)
    expect(batch.count).toBe(1)
    expect(all(Buffer.from(batch.seal(sequence, client.crc32c)))).toHaveLength(1)
  })
})

describe('batches that are read', () => {
  const three = sealed([record('a'), record('b'), record('c')])

  it('begin at the offset that was asked for, and end where a batch is cut', () => {
    const bytes = Buffer.concat([stored(three, 10), stored(three, 13), stored(three, 16).subarray(0, 40)])
    expect(offsets(all(bytes, 11))).toEqual([11, 12, 13, 14, 15])
    expect(offsets(all(bytes, 14))).toEqual([14, 15])
    expect(endOfBatches(bytes)).toBe(16)
    expect(endOfBatches(bytes.subarray(0, 5))).toBeUndefined()
    expect(all(bytes.subarray(0, 30))).toEqual([])
  })

  it('may be compressed in every way that Kafka knows', () => {
    const ways: [number, (bytes: Buffer) => Buffer][] = [
      [1, (bytes) => gzipSync(bytes)],
      [2, (bytes) => client.compressionsAlgorithms.snappy.compressSync(bytes)],
      [3, (bytes) => client.compressionsAlgorithms.lz4.compressSync(bytes)],
      [4, (bytes) => zstdCompressSync(bytes)],
    ]
    for (const [kind, compress] of ways) {
      const bytes = Buffer.concat([three.subarray(0, batchHead), compress(three.subarray(batchHead))])
      bytes.writeInt32BE(bytes.length - 12, 8)
      expect(offsets(all(stored(bytes, 5, kind)))).toEqual([5, 6, 7])
    }
  })

  it('leave out what aborted transactions wrote, and the marks of all', () => {
    const bytes = Buffer.concat([
      stored(three, 0, 0x10, 1n),
      stored(three, 3, 0x10, 2n),
      stored(three, 6, 0x30, 1n),
      stored(three, 9, 0x10, 1n),
      stored(three, 12, 0, 1n),
    ])
    expect(offsets(all(bytes, 0, [{ producerId: 1n, firstOffset: 0 }]))).toEqual([3, 4, 5, 9, 10, 11, 12, 13, 14])
    const reader = new BatchReader(client, { bytes: stored(three, 6, 0x30), from: 6, aborted: [] })
    expect(reader.take()).toBeUndefined()
    expect(reader.next).toBe(9)
  })

  it('are handed over as they are where they cannot be read, and reading goes on behind them', () => {
    const damaged = stored(three, 3)
    damaged[70] = (damaged[70] as number) ^ 0xff
    const old = stored(three, 6)
    old[16] = 1
    const unknown = stored(three, 7, 6)
    const bomb = Buffer.concat([three.subarray(0, batchHead), gzipSync(Buffer.alloc(140_000_000), { level: 1 })])
    bomb.writeInt32BE(bomb.length - 12, 8)
    const bytes = Buffer.concat([stored(three, 0), damaged, old, unknown, stored(bomb, 10, 1), stored(three, 13)])
    const found = all(bytes)
    expect(found.map((one) => ('unreadable' in one ? `unreadable ${one.offset}` : one.offset))).toEqual([
      0,
      1,
      2,
      'unreadable 5',
      'unreadable 6',
      'unreadable 9',
      'unreadable 12',
      13,
      14,
      15,
    ])
    expect(found[3]).toEqual({ offset: 5, unreadable: damaged })
  })

  it('never loop, throw or run beyond their bytes, whatever stands in them', () => {
    const chance = mulberry32(seed)
    const whole = stored(
      sealed([record('a', 'value', { x: 'y' }), record('b', undefined), record('c', 'v', { a: '' })]),
      3,
    )
    for (let round = 0; round < 3_000; round++) {
      const bytes = Buffer.from(whole)
      for (let hit = 0; hit < 1 + (round % 4); hit++)
        bytes[12 + Math.floor(chance() * (bytes.length - 12))] = Math.floor(chance() * 256)
      if (bytes[16] === 2 && bytes.length >= batchHead) bytes.writeUInt32BE(client.crc32c(bytes.subarray(21)), 17)
      const found = all(bytes)
      expect(found.length, `seed ${seed}`).toBeLessThan(200)
    }
  })
})

function offsets(found: readonly (InRecord | Unreadable)[]): number[] {
  return found.map((one) => {
    expect(one).not.toHaveProperty('unreadable')
    return one.offset
  })
}
