import type { Msg, MsgImpl } from '@nats-io/transport-node'

import type { Received } from './decode-event.ts'

/**
 * The bytes of a message. The client hands out headers only when it has parsed them, in a time that grows with the square of their number;
 * here they are read once and in one go.
 */
export function rawMessage(message: Msg): Received {
  const { _msg, _rdata } = message as MsgImpl
  const { hdr } = _msg
  return hdr > 0
    ? { headers: _rdata.subarray(0, hdr), body: _rdata.subarray(hdr) }
    : { headers: undefined, body: _rdata }
}
