import { createEventBus, type EventBus } from 'tidings'
import { logTransport } from 'tidings/spi'
import { FaultPlan, faultyStore, faultyTransport, type ProcessRuntime, processRuntime } from 'tidings/testing'

import { subscribeAll } from './subscriptions.ts'
import type { World } from './world.ts'

const lease = 2_000
export const dedupWindow = 5_000

/** One process of the simulated service: a clock of its own, a disk that may fail it, and a bus. It dies without a word. */
export class Instance {
  readonly name: string
  readonly process: ProcessRuntime
  readonly plan: FaultPlan = new FaultPlan()
  bus: EventBus | undefined
  started = false
  /** Furthest its wall clock ever was. */
  latest = 0
  readonly #world: World
  readonly #begun: () => void
  /** When it was stopped last, and for how long. */
  #stops: { from: number; to: number }[] = []
  #wall = 0

  /** @param begun Called when it has started. */
  constructor(world: World, name: string, begun: () => void) {
    this.#world = world
    this.#begun = begun
    this.name = name
    this.process = processRuntime(world.runtime)
    this.plan.onCrash(() => {
      world.trace(`dead ${name}`)
      this.process.die()
    })
  }

  get running(): boolean {
    return this.process.state === 'running'
  }

  get dead(): boolean {
    return this.process.state === 'dead'
  }

  /** Opens the bus and starts it. A start that fails ends the process, as it would outside. */
  async start(): Promise<void> {
    const world = this.#world
    const store = faultyStore(world.disk.as(this.name), this.process, this.plan)
    try {
      const bus = await createEventBus({
        store,
        source: '/simulation',
        runtime: this.process,
        log: (_level, message) => {
          if (message.startsWith('A partition takes nothing new')) world.sometimes('a partition was full')
          if (message.startsWith('A partition takes events again')) world.sometimes('a full partition had room again')
        },
        publish: { tries: 3, retryDelay: 300, dedupWindow },
        transport: (over, host) =>
          faultyTransport(
            logTransport(over, host, { lease, poll: 1_000, window: 256, page: world.profile.page }),
            this.process,
            this.plan,
          ),
      })
      this.bus = bus
      subscribeAll(world, this, bus)
      await bus.start()
      this.started = true
      this.#begun()
      world.trace(`started ${this.name}`)
    } catch (error) {
      world.trace(`no start ${this.name} ${String(error)}`)
      this.plan.crash()
    }
  }

  /** Ends as a deployment would: drains, leaves, is gone. */
  async end(): Promise<void> {
    await this.bus?.close({ deadline: 3_000 })
    this.plan.crash()
  }

  stop(ms: number): void {
    if (!this.running) return
    this.#world.trace(`stop ${this.name}`)
    this.#stops.push({ from: this.#world.now, to: this.#world.now + ms })
    this.process.stop()
    this.#world.after(ms, () => this.resume())
  }

  resume(): void {
    if (this.process.state !== 'stopped') return
    this.#world.trace(`resume ${this.name}`)
    const last = this.#stops.at(-1)
    if (last !== undefined) last.to = this.#world.now
    this.process.resume()
  }

  jump(ms: number): void {
    this.#wall += ms
    this.process.jump(ms)
    this.latest = Math.max(this.latest, this.process.now())
  }

  /** Brings its wall clock back to that of everybody. */
  mendClock(): void {
    this.jump(-this.#wall)
  }

  neverStopped(since: number): boolean {
    return this.#stops.every(({ to }) => to < since)
  }
}
