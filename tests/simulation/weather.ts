import { type CommitPlace, commitPlaces } from 'tidings/testing'

import type { Instance } from './instance.ts'
import type { World } from './world.ts'

/** Small faults that may strike any call of an instance. */
export function blowOn({ profile }: World, { plan }: Instance): void {
  const { wind } = profile
  plan.add({ what: 'delay', chance: 0.08 * wind, takes: [1, 40] })
  plan.add({ what: 'delay', chance: 0.004 * wind, takes: [200, 1_500] })
  plan.add({ what: 'fail', chance: 0.006 * wind })
  plan.add({ what: 'lose answer', chance: 0.012 * wind })
  plan.add({ what: 'apply late', chance: 0.008 * wind, takes: [1, 700] })
  plan.add({ what: 'fail', at: 'read', chance: 0.004 * wind, lasts: 500 })
  plan.add({ what: 'lose', at: 'wake', chance: 0.1 * wind })
  plan.add({ what: 'repeat', at: 'wake', chance: 0.05 })
  plan.add({ what: 'delay', at: 'wake', chance: 0.05, takes: [1, 200] })
  plan.add({ what: 'repeat', at: 'deliver', chance: 0.05 })
  plan.add({ what: 'reorder', at: 'deliver', chance: 0.2 })
}

const crashPlaces: readonly CommitPlace[] = commitPlaces.filter((place) => place !== 'mark' && place !== 'register')

/** What happens to whole instances, each at its hour. */
export class Weather {
  readonly #world: World
  readonly #live: () => readonly Instance[]

  constructor(world: World, live: () => readonly Instance[]) {
    this.#world = world
    this.#live = live
  }

  start(until: number): void {
    const world = this.#world
    const at = (run: () => void): void =>
      world.after(world.between(500, until - 1_000), () => void (world.calm || run()))
    const times = (least: number, most: number, run: () => void): void => {
      const count = least + Math.floor(world.runtime.random() * (most - least + 1))
      for (let n = 0; n < count; n++) at(run)
    }
    times(2, 3, () => this.#crash())
    times(2, 4, () => this.#crashAt())
    times(1, 3, () => this.#stop())
    times(0, 2, () => this.#outage())
    times(0, 1, () => this.#deploy())
    times(1, 2, () => this.#dependencyAway())
    if (world.profile.jumps) times(1, 3, () => this.#jump())
  }

  #one(): Instance | undefined {
    const running = this.#live().filter((instance) => instance.running)
    return running.length === 0 ? undefined : this.#world.pick(running)
  }

  #crash(): void {
    const instance = this.#one()
    if (instance === undefined) return
    this.#world.sometimes('an instance crashed')
    instance.plan.crash()
  }

  #crashAt(): void {
    const at = this.#world.pick(crashPlaces)
    const what = this.#world.chance(0.5) ? 'crash before' : 'crash after'
    const instance = this.#one()
    instance?.plan.add({ what, at, times: 1 })
    instance?.plan.onCrash(() => this.#world.sometimes(`an instance ended by ${what} ${at}`))
  }

  #stop(): void {
    const instance = this.#one()
    if (instance === undefined) return
    this.#world.sometimes('an instance stood still')
    instance.stop(this.#world.between(300, 4_500))
  }

  #outage(): void {
    this.#world.sometimes('the store was away')
    const lasts = this.#world.between(500, 2_500)
    for (const { plan } of this.#live()) {
      plan.add({ what: 'fail', times: 1, lasts })
    }
  }

  #deploy(): void {
    const instance = this.#one()
    if (instance?.started !== true) return
    this.#world.sometimes('an instance was deployed anew')
    void instance.end()
  }

  #dependencyAway(): void {
    const world = this.#world
    if (world.away) return
    world.away = true
    world.trace('away')
    world.sometimes('a dependency was away')
    world.after(world.between(1_000, 3_000), () => {
      world.away = false
      world.trace('back')
    })
  }

  #jump(): void {
    const world = this.#world
    const by = world.pick([3_600_000, -3_600_000, 61_000, -61_000])
    world.sometimes('a wall clock jumped')
    world.trace(`jump ${by}`)
    if (world.chance(0.3)) for (const instance of this.#live()) instance.jump(by)
    else this.#one()?.jump(by)
  }
}
