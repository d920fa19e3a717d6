import { EventEmitter } from 'node:events'

import type { Channel } from 'rabbitmq-client'

import type { Link } from '../src/connection/link.ts'
import { type Published, readFrames } from './read-frames.ts'

const ack = 3_932_240
const nack = 3_932_280

/** A channel on which the test plays the broker. */
export class FakeChannel extends EventEmitter {
  readonly id = 1
  active = true
  /** What was published, in order; its number is its place, from 1. */
  readonly sent: Published[] = []
  readonly _conn = { _socket: this.#socket(), _state: { frameMax: 131_072 } }

  _onMethod(_frame: { methodId: number; params: object }): void {}
  _onHeader(): void {}

  exchangeDeclare = (): Promise<void> => Promise.resolve()
  confirmSelect = (): Promise<void> => Promise.resolve()

  confirm(deliveryTag: number, multiple = false): void {
    this._onMethod({ methodId: ack, params: { deliveryTag, multiple } })
  }

  reject(deliveryTag: number): void {
    this._onMethod({ methodId: nack, params: { deliveryTag, multiple: false } })
  }

  close(): Promise<void> {
    this.end()
    return Promise.resolve()
  }

  end(): void {
    if (!this.active) return
    this.active = false
    this.emit('close')
  }

  #socket(): object {
    return Object.assign(new EventEmitter(), {
      writableLength: 0,
      write: (bytes: Buffer) => void this.sent.push(...readFrames(bytes)),
    })
  }
}

export class FakeLink {
  up = true
  blocked = false
  restarts = 0
  readonly channels: FakeChannel[] = []
  readonly #listeners = new Set<() => void>()

  /** The same for those who want a link. */
  get asLink(): Link {
    return this as unknown as Link
  }

  get channel(): FakeChannel {
    return this.channels.at(-1) as FakeChannel
  }

  onUp(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  acquire(failed?: (error: unknown) => void): Promise<Channel> {
    const channel = new FakeChannel()
    if (failed !== undefined) channel.on('error', failed)
    this.channels.push(channel)
    return Promise.resolve(channel as unknown as Channel)
  }

  async release(channel: { close(): Promise<void> } | undefined): Promise<void> {
    await channel?.close()
  }

  restart(): void {
    this.restarts++
  }

  tell(change: { up?: boolean; blocked?: boolean }): void {
    Object.assign(this, change)
    for (const listener of this.#listeners) listener()
  }
}
