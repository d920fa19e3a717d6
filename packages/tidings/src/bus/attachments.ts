import { TidingsError } from '../kernel/errors.ts'
import type { Attached, Attachment } from './attachment.ts'
import type { EventBus } from './event-bus.ts'

/** What stands on one bus. */
export class Attachments {
  readonly #all = new Map<string, Attached>()

  /** Throws `TIDINGS_SUBSCRIPTION_EXISTS` for a name that is taken. */
  add(bus: EventBus, attachment: Attachment): Attached {
    if (typeof attachment?.attach !== 'function' || typeof attachment.name !== 'string') {
      throw new TidingsError(
        'TIDINGS_INVALID_OPTION',
        'Expected `use` to be given a definition that attaches to a bus, such as one made by defineProjection.',
        { details: { field: 'definition' } },
      )
    }
    if (this.#all.has(attachment.name)) {
      throw new TidingsError('TIDINGS_SUBSCRIPTION_EXISTS', `This bus uses ${attachment.name} already.`, {
        details: { name: attachment.name },
      })
    }
    const attached = attachment.attach(bus)
    this.#all.set(attachment.name, attached)
    return attached
  }

  async prepare(): Promise<void> {
    for (const attached of this.#all.values()) await attached.prepare?.()
  }

  async started(): Promise<void> {
    for (const attached of this.#all.values()) await attached.started?.()
  }

  busy(): string | undefined {
    for (const attached of this.#all.values()) {
      const why = attached.busy?.()
      if (why !== undefined) return why
    }
    return undefined
  }

  async close(deadline: number): Promise<void> {
    await Promise.all([...this.#all.values()].map(async (attached) => attached.close?.(deadline)))
  }
}
