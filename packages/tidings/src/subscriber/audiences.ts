import type { Audience, InlineListener } from '../publisher/audience.ts'
import type { JoinedListener } from '../publisher/joined-listener.ts'
import type { Store } from '../store/store.ts'
import type { Subscription } from './subscription.ts'

interface Member {
  readonly subscription: Subscription
  readonly inline: InlineListener | undefined
}

/** Everybody who hears on a store; `version` counts who has come and gone. */
interface Everybody {
  readonly members: Set<Member>
  readonly joined: Set<JoinedListener>
  version: number
}

/**
 * Who hears a type in this process. Buses that share a store of this process share their listeners too: such a store has
 * nobody else who could tell them.
 */
export class Audiences {
  static readonly #shared = new WeakMap<Store, Everybody>()
  readonly #all: Everybody
  readonly #own: Member[] = []
  readonly #ownJoined = new Set<JoinedListener>()
  readonly #durable: boolean
  readonly #known = new Map<string, Audience>()
  #version = -1

  constructor(store: Store) {
    let all = store.capabilities.sharing === 'process' ? Audiences.#shared.get(store) : undefined
    if (all === undefined) {
      all = { members: new Set(), joined: new Set(), version: 0 }
      if (store.capabilities.sharing === 'process') Audiences.#shared.set(store, all)
    }
    this.#all = all
    this.#durable = store.capabilities.durability !== 'memory'
  }

  add(subscription: Subscription, inline: InlineListener | undefined): void {
    const member = { subscription, inline }
    this.#own.push(member)
    this.#all.members.add(member)
    this.#all.version++
  }

  remove(subscription: Subscription): void {
    const at = this.#own.findIndex((member) => member.subscription === subscription)
    const [member] = at === -1 ? [] : this.#own.splice(at, 1)
    if (member === undefined) return
    member.inline?.close()
    this.#all.members.delete(member)
    this.#all.version++
  }

  /** From now on a read model is written in the commits of this process. Returns how to end that. */
  join(listener: JoinedListener): () => void {
    this.#ownJoined.add(listener)
    this.#all.joined.add(listener)
    this.#all.version++
    return () => this.#leave(listener)
  }

  #leave(listener: JoinedListener): void {
    this.#ownJoined.delete(listener)
    this.#all.joined.delete(listener)
    this.#all.version++
  }

  /** Compiled once a type, again when somebody joins or leaves. */
  of(type: string): Audience {
    if (this.#version !== this.#all.version) {
      this.#known.clear()
      this.#version = this.#all.version
    }
    let audience = this.#known.get(type)
    if (audience === undefined) {
      const members = [...this.#all.members].filter(({ subscription }) => subscription.matches(type))
      const inline = members.flatMap((member) => (member.inline === undefined ? [] : [member.inline]))
      const joining = [...this.#all.joined].filter((listener) => listener.matches(type))
      audience = { matched: members.length, inline, joining, promising: inline.length > 0 && this.#durable }
      if (this.#known.size < 10_000) this.#known.set(type, audience)
    }
    return audience
  }

  /** Whether inline listeners of this bus are at work or wait for their turn. */
  get busy(): boolean {
    return this.#own.some(({ inline }) => inline?.busy === true)
  }

  close(): void {
    for (const member of this.#own) {
      member.inline?.close()
      this.#all.members.delete(member)
    }
    for (const listener of this.#ownJoined) this.#leave(listener)
    this.#all.version++
  }
}
