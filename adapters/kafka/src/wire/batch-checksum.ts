import type { Client } from '../client/load-client.ts'

/** The checksum of batches, CRC-32C. The client would copy bytes that come as a plain buffer. */
export function checksumOf(client: Client): (bytes: Buffer) => number {
  return (bytes) => client.crc32c(client.Writer.create().append(bytes).dynamicBuffer)
}
