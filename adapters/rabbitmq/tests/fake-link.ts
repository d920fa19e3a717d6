import { EventEmitter } from 'node:events'

import type { Channel, Envelope } from 'rabbitmq-client'

import type { Link } from '../src/connection/link.ts'

/** A publish that waits for the broker's word. */
export interface Sent {
  readonly envelope: Envelope
  readonly body: Buffer
  confirm(): void
  reject(error: Error): void
}

/** A channel on which the test plays the broker. */
export class FakeChannel extends EventEmitter {
  active = true
  readonly sent: Sent[] = []

  exchangeDeclare = (): Promise<void> => Promise.resolve()
  confirmSelect = (): Promise<void> => Promise.resolve()

  basicPublish(envelope: Envelope, body: Buffer): Promise<void> {
    return new Promise((resolve, reject) => this.sent.push({ envelope, body, confirm: resolve, reject }))
  }

  close(): Promise<void> {
    this.end()
    return Promise.resolve()
  }

  /** Ends without a word about what was sent, as the client does with what it had just written. */
  end(): void {
    if (!this.active) return
    this.active = false
    this.emit('close')
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

  acquire(): Promise<Channel> {
    const channel = new FakeChannel()
    this.channels.push(channel)
    return Promise.resolve(channel as unknown as Channel)
  }

  gather(): void {}

  restart(): void {
    this.restarts++
  }

  tell(change: { up?: boolean; blocked?: boolean }): void {
    Object.assign(this, change)
    for (const listener of this.#listeners) listener()
  }
}
