import { partitions } from './disk.ts'
import type { World } from './world.ts'

interface Parked {
  readonly subscription: string
  readonly run: number
  readonly stream: string
  readonly partition: number
  readonly offset: number
  readonly eventId: string
  readonly state: 'retry' | 'dead' | 'behind' | 'upgrade'
  readonly parkedAt: number
}

/** Looks at what is parked and asks for it to be run again or to be taken out, by request documents, as the operations API does. */
export class Operator {
  readonly #world: World
  #asked = 0
  /** When something was last asked about an event, by its parked document. */
  readonly #last = new Map<string, number>()

  constructor(world: World) {
    this.#world = world
  }

  start(): void {
    const look = (): void => {
      void this.look().then(() => this.#world.after(this.#world.between(300, 900), look))
    }
    this.#world.after(1_000, look)
  }

  async look(): Promise<void> {
    const world = this.#world
    const documents = await world.disk.store.find('parked', { limit: 10_000 })
    for (const { id, body } of documents) {
      const parked = JSON.parse(body) as Parked
      this.#note(parked)
      if (
        parked.state !== 'dead' ||
        world.now - (this.#last.get(id) ?? 0) < 1_500 ||
        (!world.calm && world.chance(0.3))
      )
        continue
      this.#last.set(id, world.now)
      const event = world.events.get(parked.eventId)
      const key = `${parked.subscription}|${parked.eventId}`
      const poisoned =
        (parked.subscription === 'poisoned' || parked.subscription === 'skipper') && !world.mended.has(key)
      const way = world.runtime.random()
      if (event?.damaged === true) await this.#ask('drop', parked)
      else if (!poisoned) await this.#ask('redrive', parked)
      else if (way < 0.35 && !world.calm) await this.#ask('redrive', parked)
      else if (way < 0.8) {
        world.mended.add(key)
        await this.#ask('redrive', parked)
        // A second operator presses the same button.
        if (world.chance(0.2)) await this.#ask('redrive', parked)
      } else {
        await this.#ask('drop', parked)
        if (world.chance(0.2)) await this.#ask('redrive', parked)
      }
    }
  }

  #note({ state }: Parked): void {
    if (state === 'dead') this.#world.sometimes('an event became a dead letter')
    if (state === 'retry') this.#world.sometimes('an event was parked with a due time')
    if (state === 'behind') this.#world.sometimes('a successor was parked behind')
  }

  async #ask(action: 'redrive' | 'drop', parked: Parked): Promise<void> {
    const world = this.#world
    const { subscription, run, stream, offset, partition, eventId } = parked
    if (partition >= partitions) world.fail(18, `a parked event names partition ${partition}`)
    const owner = `${subscription}/${run}/${partition}`
    world.trace(`ask ${action} ${subscription} ${offset}`)
    world.sometimes(`an operator asked to ${action}`)
    if (action === 'drop') {
      world.dropped.add(`${subscription}|${eventId}`)
      world.owed.delete(`${subscription}|${eventId}`)
    }
    const request = { action, stream, offset, partition, by: 'user:operator', at: world.runtime.now() }
    await world.disk.as('operator').commit([
      {
        documents: [
          {
            collection: 'requests',
            id: `${owner}/r-${String(++this.#asked).padStart(5, '0')}`,
            put: JSON.stringify(request),
            index: { owner },
          },
        ],
      },
    ])
  }
}
