import { gunzipSync, zstdDecompressSync } from 'node:zlib'

import type { Client } from '../client/load-client.ts'

/** Largest size of a batch after decompression, in bytes: one that claims more is not read. */
const most = 134_217_728

/** Undoes the compression of a batch; `kind` as the batch names it. Throws where it is damaged, unknown, or too large. */
export function decompress(client: Client, kind: number, bytes: Buffer): Buffer {
  switch (kind) {
    case 0:
      return bytes
    case 1:
      return gunzipSync(bytes, { maxOutputLength: most })
    case 2:
      return client.compressionsAlgorithms.snappy.decompressSync(bytes)
    case 3:
      return client.compressionsAlgorithms.lz4.decompressSync(bytes)
    case 4:
      return zstdDecompressSync(bytes, { maxOutputLength: most })
    default:
      throw new RangeError(`Compression ${kind} is not known.`)
  }
}
