import type { AsyncMessage, Channel } from 'rabbitmq-client'

/** A message whose body is the bytes that came, whatever its content type. */
export type RawMessage = AsyncMessage & { readonly body: Buffer; readonly bodyType?: string }

interface ReadsHeaders {
  _onHeader(frame: { readonly fields: { contentType?: string | undefined; bodyType?: string | undefined } }): void
}

/**
 * Keeps the client from parsing bodies. It turns `application/json` into a value, and the text it came as is lost with it, while checksums
 * are over that text. The client has no option for this, so its reading of content headers is led around: what it looks at is moved to `bodyType`.
 */
export function keepBodies(channel: Channel): void {
  const reader = channel as unknown as ReadsHeaders
  const onHeader = reader._onHeader.bind(reader)
  reader._onHeader = (frame): void => {
    frame.fields.bodyType = frame.fields.contentType
    frame.fields.contentType = undefined
    onHeader(frame)
  }
}
