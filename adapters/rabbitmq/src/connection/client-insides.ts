import type { Socket } from 'node:net'

import type { AsyncMessage, Channel, Connection } from 'rabbitmq-client'
import { TidingsError } from 'tidings/spi'

import { dropDeepHeaders } from './deep-headers.ts'

/**
 * What we use of the client beyond what it documents; its version is pinned exactly, and `checkInsides` refuses one that is made in another way.
 * Nothing else in this package knows of it.
 */
interface Insides {
  readonly _conn: { readonly _socket: Socket; readonly _state: { readonly frameMax: number } }
  _onMethod(frame: MethodFrame): void
  _onHeader(frame: HeaderFrame): void
}

interface MethodFrame {
  readonly methodId: number
  readonly params: { readonly deliveryTag?: number; readonly multiple?: boolean } | undefined
}

interface HeaderFrame {
  readonly fields: { contentType?: string | undefined; bodyType?: string | undefined }
}

/** Class and method of AMQP in one number. */
const basicAck = 60 * 65_536 + 80
const basicNack = 60 * 65_536 + 120

/** A message whose body is the bytes that came, whatever its content type. */
export type RawMessage = AsyncMessage & { readonly body: Buffer; readonly bodyType?: string }

export interface Confirms {
  /** The broker has these: the one with this number, or all up to it. Numbers count what was published on the channel from 1. */
  readonly acked: (tag: number, multiple: boolean) => void
  /** It does not. */
  readonly nacked: (tag: number, multiple: boolean) => void
}

/** Throws TIDINGS_NOT_SUPPORTED for a client that we do not know. */
export function checkInsides(channel: Channel): void {
  const { _conn: connection, _onMethod: onMethod, _onHeader: onHeader } = channel as unknown as Partial<Insides>
  const known =
    typeof connection?._socket?.write === 'function' &&
    typeof connection._socket.read === 'function' &&
    typeof connection._state?.frameMax === 'number' &&
    typeof onMethod === 'function' &&
    typeof onHeader === 'function'
  if (known) return
  throw new TidingsError(
    'TIDINGS_NOT_SUPPORTED',
    'Expected `rabbitmq-client` to be the version that @tidings/rabbitmq asks for.',
    {
      details: { field: 'rabbitmq-client' },
    },
  )
}

/**
 * Keeps the client from parsing bodies. It turns `application/json` into a value, and the text it came as is lost with it, while checksums
 * are over that text. There is no option for this, so what it looks at is moved to `bodyType`.
 */
export function keepBodies(channel: Channel): void {
  const insides = channel as unknown as Insides
  const onHeader = insides._onHeader.bind(insides)
  insides._onHeader = (frame): void => {
    frame.fields.bodyType = frame.fields.contentType
    frame.fields.contentType = undefined
    onHeader(frame)
  }
}

/** Bytes before what a frame carries; its first says of which kind it is. */
const frameHead = 7
const headerFrame = 2

/**
 * Spares the client headers that it could not survive. Call it whenever a connection is there, before anything is consumed: the client reads the
 * head of a frame, then what that carries, from the socket that the connection has at the time.
 */
export function shunDeepHeaders(connection: Connection): void {
  const { _socket: socket } = connection as unknown as Insides['_conn']
  const read = socket.read.bind(socket) as (size?: number) => Buffer | null
  let kind: number | undefined
  socket.read = (size) => {
    const bytes = read(size)
    if (bytes === null) return bytes
    if (kind === undefined) kind = bytes.length === frameHead ? bytes[0] : undefined
    else {
      if (kind === headerFrame) dropDeepHeaders(bytes)
      kind = undefined
    }
    return bytes
  }
}

/**
 * Where frames can be written by hand. The client takes every message through a stream of its own and three promises, and forgets those that it had
 * just written when a connection breaks. The channel must be used for nothing else then.
 */
export function socketOf(channel: Channel): Socket {
  return (channel as unknown as Insides)._conn._socket
}

/** The largest frame that broker and client have agreed on, in bytes. */
export function frameMaxOf(channel: Channel): number {
  return (channel as unknown as Insides)._conn._state.frameMax
}

/** Hears the confirms of what was written by hand. */
export function hearConfirms(channel: Channel, confirms: Confirms): void {
  const insides = channel as unknown as Insides
  const onMethod = insides._onMethod.bind(insides)
  insides._onMethod = (frame): void => {
    const { methodId, params } = frame
    if (methodId === basicAck) confirms.acked(params?.deliveryTag ?? 0, params?.multiple ?? false)
    else if (methodId === basicNack) confirms.nacked(params?.deliveryTag ?? 0, params?.multiple ?? false)
    else onMethod(frame)
  }
}
