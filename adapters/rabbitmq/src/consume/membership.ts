import type { Channel } from 'rabbitmq-client'
import { type Host, within } from 'tidings/spi'

import { keepBodies } from '../connection/client-insides.ts'
import type { Link } from '../connection/link.ts'
import type { GroupNames, Names } from '../topology/names.ts'
import { type Control, decodeControl, encodeControl } from './control-message.ts'
import { type Peer, shareOut } from './share-out.ts'

/** How long a newcomer waits for the others to make room, in milliseconds. They do so all the same when it has passed. */
const patience = 2_000

/** Within which a member answers unless its process is busy, in milliseconds. */
const moment = 200

export interface MembershipParts {
  /** Its end is the end of this member: the queue it hears on is bound to it. */
  readonly consuming: Link
  /** What is said goes out here: a broker that is short of memory stops reading from connections that publish. */
  readonly publishing: Link
  readonly host: Host
  readonly names: Names
  readonly group: GroupNames
  readonly exclusive: boolean
  /** Steps back from these; resolves when it is behind all others that stand by. */
  yield(partitions: readonly number[]): Promise<void>
  /** Nobody hears us any more. */
  deaf(): void
}

/**
 * Makes members of a group share its partitions. RabbitMQ itself serves one of those that listen to a queue, and another at once when that has
 * gone, so nothing is lost when all of this fails: it only decides who should be the one. Members know each other by what they say over an
 * exchange, each on a queue that dies with its connection; each computes who should have what, and steps back from what another one wants.
 */
export class Membership {
  readonly #parts: MembershipParts
  readonly #since: number
  readonly #peers = new Map<string, Peer>()
  /** Who has answered since the last question. */
  readonly #answered = new Set<string>()
  #self: Peer
  #mine: ReadonlySet<number> = new Set()
  #hearing: Channel | undefined
  #speaking: Promise<Channel> | undefined
  #settled = false
  #answer: (() => void) | undefined

  constructor(parts: MembershipParts) {
    this.#parts = parts
    this.#since = parts.host.runtime.now()
    this.#self = { id: parts.host.runtime.id(), since: this.#since }
  }

  get hearing(): boolean {
    return this.#hearing?.active === true
  }

  /** Members, this one included, as far as it knows. */
  get size(): number {
    return this.#peers.size + 1
  }

  /** Whether the partition should be another member's. */
  isOthers(partition: number): boolean {
    return this.#settled && !this.#mine.has(partition)
  }

  /** Begins to hear what the others say, under a new name. */
  async listen(): Promise<void> {
    const { consuming, host, names, group } = this.#parts
    const hearing = this.#hearing
    const before = hearing === undefined ? undefined : this.#self
    this.#hearing = undefined
    await hearing?.close()
    this.#settled = false
    this.#peers.clear()
    this.#answered.clear()
    this.#self = { id: host.runtime.id(), since: this.#since }
    const channel = await consuming.acquire()
    this.#hearing = channel
    keepBodies(channel)
    const queue = group.member(this.#self.id)
    await channel.queueDeclare({ queue, exclusive: true, autoDelete: true })
    await channel.queueBind({ queue, exchange: names.groups, routingKey: group.group })
    await channel.basicConsume({ queue, noAck: true }, ({ body }) => void this.#hear(body as unknown))
    channel.once('close', () => {
      if (this.#hearing === channel) this.#parts.deaf()
    })
    if (before !== undefined) await this.#sayToAll({ kind: 'bye', from: before })
  }

  /** Says that it is there. Resolves with whether anybody has answered within a moment. */
  async ask(): Promise<boolean> {
    await this.#sayToAll({ kind: 'hello', from: this.#self })
    await this.#answers(1, moment)
    return this.#answered.size > 0
  }

  /** Makes out what should be whose, with the others if there are any, and has them make room. */
  async settle(others: boolean): Promise<void> {
    if (others) await this.#answers(1, patience)
    else await this.#sayToAll({ kind: 'hello', from: this.#self })
    this.#settled = true
    await this.#plan(others)
  }

  /** Looks after one of the others: together the members look after all. */
  async look(): Promise<void> {
    const ids = [...this.#peers.keys()].sort()
    const next = ids.find((id) => id > this.#self.id) ?? ids[0]
    if (next !== undefined && this.#settled) await this.#sayTo(next, this.#here())
  }

  /** Never rejects. */
  async leave(): Promise<void> {
    const hearing = this.#hearing
    this.#hearing = undefined
    this.#settled = false
    this.#answer?.()
    await this.#sayToAll({ kind: 'bye', from: this.#self })
    const speaking = await this.#speaking?.catch(() => undefined)
    const { consuming, publishing } = this.#parts
    await Promise.all([consuming.release(hearing), publishing.release(speaking)])
  }

  #here(): Control {
    return { kind: 'here', from: this.#self, peers: [this.#self, ...this.#peers.values()] }
  }

  async #hear(body: unknown): Promise<void> {
    const control = Buffer.isBuffer(body) ? decodeControl(body) : undefined
    if (control === undefined || this.#hearing === undefined || control.from.id === this.#self.id) return
    const { kind, from } = control
    if (kind === 'bye') {
      this.#forget(from.id)
      return
    }
    const isNew = !this.#peers.has(from.id)
    this.#peers.set(from.id, from)
    if (kind === 'hello') await this.#sayTo(from.id, this.#here())
    else if (kind === 'here') {
      for (const peer of control.peers) if (peer.id !== this.#self.id) this.#peers.set(peer.id, peer)
    } else if (kind === 'gone') {
      if (control.peer === this.#self.id) await this.#sayToAll({ kind: 'hello', from: this.#self })
      else this.#forget(control.peer)
    } else if (kind === 'want') {
      await this.#parts.yield(control.partitions)
      await this.#sayTo(from.id, { kind: 'yielded', from: this.#self })
    }
    if (kind !== 'want') {
      this.#answered.add(from.id)
      this.#answer?.()
    }
    if (isNew && this.#settled) await this.#plan(false)
  }

  #forget(id: string): void {
    if (!this.#peers.delete(id)) return
    this.#answer?.()
    if (this.#settled) void this.#plan(false)
  }

  /** Whatever should be ours and was not is asked for. */
  async #plan(wait: boolean): Promise<void> {
    const { group, exclusive } = this.#parts
    const owners = shareOut([this.#self, ...this.#peers.values()], group.queues.length, exclusive)
    const mine = new Set([...owners.keys()].filter((partition) => owners[partition] === this.#self.id))
    const wanted = [...mine].filter((partition) => !this.#mine.has(partition) || wait)
    this.#mine = mine
    if (wanted.length === 0 || this.#peers.size === 0) return
    this.#answered.clear()
    await this.#sayToAll({ kind: 'want', from: this.#self, partitions: wanted })
    if (wait) await this.#answers(0, patience)
  }

  /** Resolves when everybody that is known has answered, `least` at least; or after `ms`. */
  async #answers(least: number, ms: number): Promise<void> {
    const { runtime } = this.#parts.host
    const all = new Promise<void>((resolve) => {
      this.#answer = (): void => {
        const missing = [...this.#peers.keys()].some((id) => !this.#answered.has(id))
        if ((this.#answered.size >= least && !missing) || this.#hearing === undefined) resolve()
      }
      this.#answer()
    })
    await within(runtime, ms, all)
    this.#answer = undefined
  }

  async #sayToAll(control: Control): Promise<void> {
    const { names, group } = this.#parts
    await this.#say(names.groups, group.group, control)
  }

  async #sayTo(id: string, control: Control): Promise<void> {
    await this.#say('', this.#parts.group.member(id), control)
  }

  /** As far as it can be said: whoever misses it is told again, or finds out. */
  async #say(exchange: string, routingKey: string, control: Control): Promise<void> {
    const { publishing } = this.#parts
    if (!publishing.up || publishing.blocked) return
    try {
      this.#speaking ??= this.#speaker()
      const channel = await this.#speaking
      const envelope = { exchange, routingKey, mandatory: exchange === '', contentType: 'application/json' }
      await channel.basicPublish(envelope, encodeControl(control))
    } catch {
      this.#speaking = undefined
    }
  }

  async #speaker(): Promise<Channel> {
    const channel = await this.#parts.publishing.acquire()
    channel.on('basic.return', ({ routingKey }) => {
      const id = routingKey.slice(this.#parts.group.member('').length)
      if (!this.#peers.has(id)) return
      this.#forget(id)
      void this.#sayToAll({ kind: 'gone', from: this.#self, peer: id })
    })
    channel.once('close', () => {
      this.#speaking = undefined
    })
    return channel
  }
}
