import { hash } from 'node:crypto'

import { MsgHdrsImpl } from '@nats-io/transport-node'
import { cloudEventBindings, type EventRecord, toBinary, toStructuredMessage } from 'tidings/spi'

/** An event as it goes over the wire: the block of headers, and the body. */
export interface EncodedEvent {
  readonly headers: Uint8Array
  readonly body: Uint8Array
}

/** Largest block of headers that JetStream stores. */
const mostHeaders = 65_535

/**
 * An event by CloudEvents' NATS binding, binary mode, with the id by which the server knows it again. Events whose attributes are too
 * large for headers go in structured mode. Throws `TIDINGS_INVALID_EVENT` where it cannot be a CloudEvent.
 */
export function encodeEvent(record: EventRecord): EncodedEvent {
  const id = messageId(record)
  const encoded = encode(id, toBinary(record, cloudEventBindings.nats))
  return encoded.headers.length <= mostHeaders ? encoded : encode(id, toStructuredMessage(record))
}

/** Which event it is, for the server: one by source and id. */
export function messageId({ source, id }: Pick<EventRecord, 'source' | 'id'>): string {
  return hash('sha256', `${source}\n${id}`, 'base64url')
}

function encode(id: string, { headers, body }: ReturnType<typeof toBinary>): EncodedEvent {
  let text = `NATS/1.0\r\nNats-Msg-Id: ${id}\r\n`
  for (const name in headers) text += `${name}: ${headers[name]}\r\n`
  return {
    // All values are percent-encoded: ASCII.
    headers: Buffer.from(`${text}\r\n`, 'latin1'),
    body: body === undefined ? nothing : typeof body === 'string' ? Buffer.from(body) : body,
  }
}

const nothing = new Uint8Array(0)

/** Headers for the client that are encoded already: its own take several times as long to fill. */
export class EncodedHeaders extends MsgHdrsImpl {
  readonly #block: Uint8Array

  constructor(block: Uint8Array) {
    super()
    this.#block = block
  }

  override encode(): Uint8Array {
    return this.#block
  }
}
