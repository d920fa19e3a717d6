import { isTidingsError } from '../kernel/errors.ts'
import { within } from '../kernel/lifecycle.ts'
import { sleep, type Timer } from '../kernel/runtime.ts'
import type { InboxCounts, InboxHost } from './inbox-host.ts'
import { inboxCollection, offsetsOf } from './inbox-place.ts'
import { InboxTerm } from './inbox-term.ts'

/** What the inbox of this process does, as plain facts. */
export interface InboxStatus {
  readonly group: string
  /** `idle`: nothing is subscribed that others could publish. `joining`: it is not in its group, for the first time or again. */
  readonly state: 'idle' | 'joining' | 'joined' | 'closed'
  /** Categories it asks for; undefined: all. */
  readonly topics: readonly string[] | undefined
  /** Partitions of the broker's log that this instance takes in; empty for queues. */
  readonly partitions: readonly number[]
  /** Deliveries that are not stored yet. */
  readonly held: number
  /** Events stored by this process, deliveries it knew already, and those it could not take in. */
  readonly received: number
  readonly duplicates: number
  readonly dead: number
  /** Why it is not in its group, where it should be. */
  readonly trouble?: string
}

/** First and longest wait before the group is joined again, in milliseconds. */
const shortest = 500
const longest = 15_000
/** How long a membership that was followed by another may take to store what it has heard, in milliseconds. */
const storePatience = 60_000
/** How long `start` waits for the broker before it goes on without it, in milliseconds. */
const startPatience = 5_000
/** How often it looks whether a group that is to hear all topics stands everywhere, in milliseconds. */
const lookEvery = 5_000
/** A member of a group that was given nothing for so long after it has joined has nothing for now, in milliseconds. */
const givenWithin = 4_000

/** What no amount of waiting mends. */
const mistakes = ['TIDINGS_INVALID_OPTION', 'TIDINGS_NOT_SUPPORTED', 'TIDINGS_GROUP_SPLIT'] as const
/** How long a start waits for members to go who live with another store, in milliseconds: those may have died a moment ago. */
const splitPatience = 15_000

/**
 * What others publish, taken from the broker into this service's own log: joins the group, and joins it anew whenever that has ended.
 *
 * idle → joining ⇄ joined, and from each → closed.
 */
export class Inbox {
  readonly #host: InboxHost
  readonly #counts: InboxCounts = { received: 0, duplicates: 0, dead: 0 }
  #state: InboxStatus['state'] = 'idle'
  #topics: ReadonlySet<string> | 'all' = new Set()
  #term: InboxTerm | undefined
  /** Memberships of a fan-out that were followed by another and have not ended: they store what they have heard, and the next one after them. */
  readonly #followed = new Set<InboxTerm>()
  /** Ends when everything that was asked for by `hear` is done: one after another, each finds the membership that the one before has left. */
  #hearing: Promise<unknown> = Promise.resolve()
  #retry: Timer | undefined
  /** Fires when a group that was joined has been kept. */
  #kept: Timer | undefined
  /** Fires when it is to be looked again whether the group stands everywhere. */
  #looking: Timer | undefined
  #joinedAt = 0
  #failures = 0
  #trouble: string | undefined

  constructor(host: InboxHost) {
    this.#host = host
  }

  /**
   * Asks for these categories beside those it has; `all`: for everything. Resolves when the group is joined, or after a while without the broker:
   * then it goes on trying. Rejects where the broker says that it can never be.
   */
  hear(topics: ReadonlySet<string> | 'all'): Promise<void> {
    const heard = this.#hearing.then(() => this.#hear(topics))
    this.#hearing = heard.catch(() => {})
    return heard
  }

  async #hear(topics: ReadonlySet<string> | 'all'): Promise<void> {
    if (this.#closed) return
    const before = this.#topics
    this.#topics = before === 'all' || topics === 'all' ? 'all' : new Set([...before, ...topics])
    const wider = this.#topics === 'all' ? before !== 'all' : before === 'all' || this.#topics.size > before.size
    if (!wider) return
    this.#rest()
    const term = this.#term
    this.#term = undefined
    this.#state = 'joining'
    const { runtime, transport } = this.#host
    // What a fan-out sends while nobody listens is lost, so the next one listens before this one leaves.
    if (transport.capabilities.kind === 'fanout') this.#follow(term)
    else await term?.close(startPatience)
    const until = runtime.monotonic() + splitPatience
    for (;;) {
      let failure: unknown
      const joined = this.#join().catch((error: unknown) => void (failure = error))
      if (!(await within(runtime, startPatience, joined))) void joined.then(() => this.#lookNow())
      if (this.#closed) return
      if (!isMistake(failure)) break
      if (!isTidingsError(failure, 'TIDINGS_GROUP_SPLIT') || runtime.monotonic() >= until) throw failure
      this.#rest()
      await sleep(runtime, shortest)
    }
    await this.#placed(startPatience)
  }

  /** The first member of a group decides where it begins, and whoever is told that it has started relies on it. */
  async #placed(patience: number): Promise<void> {
    const { store, settings, transport, runtime } = this.#host
    const { capabilities } = transport
    const term = this.#term
    if (this.#closed || term === undefined || capabilities.kind !== 'log') return
    const widens = this.#topics === 'all' && term.start === 'end'
    const known = await offsetsOf(store, settings.group, capabilities)
    if (widens || known.every((offset) => offset < 0)) await within(runtime, patience, term.placed)
    if (widens && this.#term === term) await this.#widen(term)
  }

  /**
   * From here on a topic that nobody knew is a new one, and is heard from its first event. Not before the group stands wherever the broker has
   * something: what has no place yet would be taken for new, with all that the broker has kept of it.
   */
  async #widen(term: InboxTerm): Promise<void> {
    const { store, settings, transport, runtime } = this.#host
    if (!(await this.#standsEverywhere(term))) {
      this.#lookLater()
      return
    }
    if (!(await this.#hearsAll())) {
      const all = JSON.stringify({ all: true, broker: transport.capabilities.name })
      await store.commit([{ documents: [{ collection: inboxCollection, id: settings.group, put: all }] }])
    }
    await term.close(startPatience)
    if (this.#term === term)
      await within(
        runtime,
        startPatience,
        this.#join().catch(() => {}),
      )
  }

  /** Whether the group, whoever its members are, knows where it begins in all that the broker holds for it now. */
  async #standsEverywhere(term: InboxTerm): Promise<boolean> {
    const { store, settings, transport, runtime } = this.#host
    const { partitions, topicPartitions } = transport.capabilities
    const offsets = await offsetsOf(store, settings.group, transport.capabilities)
    if (this.#term !== term || this.#state !== 'joined' || !term.stands) return false
    if (offsets.some((offset) => offset < 0)) return false
    if (topicPartitions !== true) return offsets.length >= partitions
    // How many there are only the broker knows. Who is given none has none: others have them, or there is no topic yet.
    return term.given || runtime.monotonic() - this.#joinedAt >= givenWithin
  }

  /** A broker that was away at the start, or slow, may see this group for the first time only now. */
  #lookNow(patience = startPatience): void {
    this.#hearing = this.#hearing.then(() => this.#placed(patience)).catch(() => this.#lookLater())
  }

  #lookLater(): void {
    this.#looking?.cancel()
    if (!this.#closed) this.#looking = this.#host.runtime.setTimer(lookEvery, () => this.#lookNow(0))
  }

  /** Whether the group has heard all topics of this broker before. */
  async #hearsAll(): Promise<boolean> {
    const { store, settings, transport } = this.#host
    const [document] = await store.find(inboxCollection, { id: settings.group })
    if (document === undefined) return false
    const { all, broker } = JSON.parse(document.body) as { readonly all?: boolean; readonly broker?: string }
    return all === true && broker === transport.capabilities.name
  }

  get #closed(): boolean {
    return this.#state === 'closed'
  }

  get busy(): boolean {
    return this.#terms.some(({ busy }) => busy)
  }

  get #terms(): readonly InboxTerm[] {
    return [...this.#followed, ...(this.#term === undefined ? [] : [this.#term])]
  }

  status(): InboxStatus {
    return {
      group: this.#host.settings.group,
      state: this.#state,
      topics: this.#topics === 'all' ? undefined : [...this.#topics].sort(),
      partitions: this.#term?.partitions ?? [],
      held: this.#terms.reduce((sum, { held }) => sum + held, 0),
      ...this.#counts,
      ...(this.#trouble === undefined ? {} : { trouble: this.#trouble }),
    }
  }

  /** Ends within `deadline` milliseconds. Idempotent. */
  async close(deadline: number): Promise<void> {
    this.#state = 'closed'
    this.#rest()
    const terms = this.#terms
    this.#term = undefined
    await Promise.all(terms.map((term) => term.close(deadline)))
  }

  /** Rejects with what the broker said; it is tried again all the same. Once closed, it joins nothing. */
  async #join(): Promise<void> {
    if (this.#closed) return
    const { log, settings, runtime } = this.#host
    const before = [...this.#followed]
    const after = before.length === 0 ? undefined : Promise.all(before.map(({ gone }) => gone))
    const term: InboxTerm = new InboxTerm(this.#host, this.#counts, (cause) => this.#broken(term, cause), after)
    this.#term = term
    try {
      const all = this.#topics === 'all'
      const start = settings.from === 'beginning' || (all && (await this.#hearsAll())) ? 'beginning' : 'end'
      if (this.#term !== term) return
      await term.join(this.#topics === 'all' ? undefined : [...this.#topics].sort(), start)
    } catch (error) {
      this.#broken(term, error as Error)
      throw error
    }
    if (this.#term !== term) return
    this.#state = 'joined'
    this.#joinedAt = runtime.monotonic()
    for (const followed of before) void followed.close(storePatience)
    if (this.#trouble !== undefined) log('info', 'The inbox is in its group again', { group: settings.group })
    this.#trouble = undefined
    // A group that can be joined but not kept is no reason to hurry.
    this.#kept = runtime.setTimer(longest, () => void (this.#failures = 0))
  }

  #follow(term: InboxTerm | undefined): void {
    if (term === undefined || term.over || this.#host.transport.capabilities.kind !== 'fanout') return
    this.#followed.add(term)
    void term.gone.then(() => this.#followed.delete(term))
  }

  #rest(): void {
    this.#retry?.cancel()
    this.#kept?.cancel()
    this.#looking?.cancel()
  }

  #broken(term: InboxTerm, cause: Error): void {
    if (this.#term !== term || this.#closed) return
    const { log, runtime, settings } = this.#host
    this.#rest()
    this.#term = undefined
    this.#state = 'joining'
    this.#trouble = cause.message
    const wait = Math.min(longest, shortest * 2 ** Math.min(this.#failures, 10)) * (0.5 + runtime.random() / 2)
    this.#failures++
    log('error', 'The inbox has lost its group at the broker and joins it again', {
      group: settings.group,
      error: cause.message,
      in: Math.round(wait),
    })
    this.#follow(term)
    // Its consumer may be half alive; it must not deliver beside the next one.
    void term.close(longest)
    this.#retry = runtime.setTimer(
      wait,
      () =>
        void this.#join().then(
          () => this.#lookNow(),
          () => {},
        ),
    )
    this.#host.progressed()
  }
}

function isMistake(error: unknown): boolean {
  return mistakes.some((code) => isTidingsError(error, code))
}
