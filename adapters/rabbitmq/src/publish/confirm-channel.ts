import type { Socket } from 'node:net'

import type { Channel } from 'rabbitmq-client'

import { frameMaxOf, hearConfirms, keepBodies, socketOf } from '../connection/client-insides.ts'
import { Flights } from './flights.ts'

/** Bytes that may lie in the socket; beyond that nothing is added. */
const most = 1_048_576

/** Characters that are joined before they become bytes. */
const joined = 65_536

export interface ConfirmSink<Item> {
  confirmed(item: Item): void
  refused(item: Item): void
  /** The socket has room again. */
  drained(): void
  /** It is over; of these nobody knows what became. */
  ended(left: readonly Item[]): void
}

/** A channel with confirms to which frames are written by hand, many messages in one write. */
export class ConfirmChannel<Item> {
  readonly #channel: Channel
  readonly #socket: Socket
  readonly #sink: ConfirmSink<Item>
  readonly #flights = new Flights<Item>()
  #text = ''
  #over = false
  #draining = false

  /** @param channel In confirm mode, with nothing published on it yet. */
  constructor(channel: Channel, sink: ConfirmSink<Item>) {
    this.#channel = channel
    this.#socket = socketOf(channel)
    this.#sink = sink
    keepBodies(channel)
    hearConfirms(channel, {
      acked: (tag, multiple) => this.#flights.end(tag, multiple, (item) => sink.confirmed(item)),
      nacked: (tag, multiple) => this.#flights.end(tag, multiple, (item) => sink.refused(item)),
    })
    channel.once('close', () => this.#end())
  }

  get place(): { readonly channel: number; readonly frameMax: number } {
    return { channel: this.#channel.id, frameMax: frameMaxOf(this.#channel) }
  }

  get flying(): number {
    return this.#flights.size
  }

  /** The socket has had enough for now. */
  get full(): boolean {
    return this.#draining || this.#over
  }

  /** One message as whole frames; it leaves at the latest with `flush`. */
  write(frames: string, item: Item): void {
    this.#flights.begin(item)
    this.#text += frames
    if (this.#text.length > joined) this.flush()
  }

  flush(): void {
    if (this.#text === '' || this.#over) return
    this.#socket.write(Buffer.from(this.#text, 'latin1'))
    this.#text = ''
    if (this.#socket.writableLength < most) return
    this.#draining = true
    this.#socket.once('drain', () => {
      this.#draining = false
      this.#sink.drained()
    })
  }

  /** What flies counts as unknown at once. */
  async close(): Promise<void> {
    const closing = this.#channel.close()
    this.#end()
    await closing
  }

  #end(): void {
    if (this.#over) return
    this.#over = true
    this.#text = ''
    this.#sink.ended(this.#flights.all())
  }
}
