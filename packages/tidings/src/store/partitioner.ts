/**
 * Which share of a store or topic a stream belongs to: murmur2 of the stream's text in UTF-8, made positive, modulo the
 * count; the hash and the rule of Kafka's own producers (BuiltInPartitioner, Utils.murmur2), so that all adapters agree.
 */
export function partitionOf(stream: string, partitions: number): number {
  return partitions === 1 ? 0 : (murmur2(Buffer.from(stream)) & 0x7fffffff) % partitions
}

/** MurmurHash2, 32 bit, seed 0x9747b28c, little-endian words. */
export function murmur2(bytes: Uint8Array): number {
  const m = 0x5bd1e995
  let h = 0x9747b28c ^ bytes.length
  let at = 0
  for (let left = bytes.length; left >= 4; left -= 4, at += 4) {
    let k =
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)
    k = Math.imul(k, m)
    k ^= k >>> 24
    h = Math.imul(h, m) ^ Math.imul(k, m)
  }
  const rest = bytes.length & 3
  if (rest === 3) h ^= (bytes[at + 2] as number) << 16
  if (rest >= 2) h ^= (bytes[at + 1] as number) << 8
  if (rest >= 1) h = Math.imul(h ^ (bytes[at] as number), m)
  h ^= h >>> 13
  h = Math.imul(h, m)
  return h ^ (h >>> 15)
}
