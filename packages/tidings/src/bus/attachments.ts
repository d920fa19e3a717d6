import { TidingsError } from '../kernel/errors.ts'
import type { Attached, Attachment } from './attachment.ts'
import type { EventBus } from './event-bus.ts'

interface Standing {
  readonly attached: Attached
  stage: 'added' | 'prepared' | 'started'
}

/** What stands on one bus: added, prepared, started. */
export class Attachments {
  readonly #all = new Map<string, Standing>()

  /** Throws `TIDINGS_SUBSCRIPTION_EXISTS` for a name that is taken. */
  add(bus: EventBus, attachment: Attachment): void {
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
    this.#all.set(attachment.name, { attached: attachment.attach(bus), stage: 'added' })
  }

  /** Its name is free again; for one that could not begin. */
  async remove(name: string): Promise<void> {
    const found = this.#all.get(name)
    this.#all.delete(name)
    await found?.attached.close?.(1_000)
  }

  /** Whether some have been added since `prepare` has looked. */
  get waiting(): boolean {
    return [...this.#all.values()].some(({ stage }) => stage === 'added')
  }

  /** Prepares those that are not: all, or the one of this name. */
  async prepare(name?: string): Promise<void> {
    for (const standing of this.#of(name, 'added')) {
      await standing.attached.prepare?.()
      standing.stage = 'prepared'
    }
  }

  async start(name?: string): Promise<void> {
    for (const standing of this.#of(name, 'prepared')) {
      standing.stage = 'started'
      await standing.attached.started?.()
    }
  }

  busy(): string | undefined {
    for (const { attached } of this.#all.values()) {
      const why = attached.busy?.()
      if (why !== undefined) return why
    }
    return undefined
  }

  async close(deadline: number): Promise<void> {
    await Promise.all([...this.#all.values()].map(async ({ attached }) => attached.close?.(deadline)))
  }

  #of(name: string | undefined, stage: Standing['stage']): readonly Standing[] {
    const chosen = name === undefined ? [...this.#all.values()] : [this.#all.get(name)]
    return chosen.filter((standing) => standing?.stage === stage) as readonly Standing[]
  }
}
