import { Instance } from './instance.ts'
import { invariants } from './invariants/index.ts'
import { Operator } from './operator.ts'
import { type Profile, profileOf } from './profile.ts'
import { Publishers, publishingTime } from './publishers.ts'
import { hearing } from './subscriptions.ts'
import { blowOn, Weather } from './weather.ts'
import { type Violation, World } from './world.ts'

export interface SeedResult {
  readonly seed: number
  readonly violation: Violation | undefined
  readonly traceHash: string
  /** States that the run has been in. */
  readonly reached: ReadonlySet<string>
  /** Virtual milliseconds it took. */
  readonly took: number
  readonly events: number
  readonly trace: readonly string[] | undefined
}

/** Longest that a world may take to come to rest once nothing goes wrong any more, in virtual milliseconds. */
const patience = 150_000

/** Makes a world from a seed, lets it run, and checks every promise while it does and when it has come to rest. */
export async function runSeed(
  seed: number,
  options: { readonly keepTrace?: boolean; readonly profile?: Partial<Profile> } = {},
): Promise<SeedResult> {
  // The stack of every injected fault is taken, and nobody reads it.
  Error.stackTraceLimit = 4
  const chosen = { ...profileOf(seed), ...options.profile }
  const world = new World(seed, chosen, { ...options, hearing: hearing(chosen.subscriptions) })
  world.invariants.push(...invariants.map((make) => make(world)))
  const { profile, runtime } = world
  let instances: Instance[] = []
  let made = 0
  const live = (): readonly Instance[] => instances

  const launch = (): void => {
    const windy = (): boolean => !profile.calm && !world.calm
    // Mostly the wind rises when an instance stands; one that cannot start at all teaches little.
    const early = windy() && world.chance(0.2)
    const instance: Instance = new Instance(
      world,
      `i-${++made}`,
      () => void (windy() && !early && blowOn(world, instance)),
    )
    if (early) blowOn(world, instance)
    instances.push(instance)
    instance.plan.onCrash(() => {
      instances = instances.filter((other) => other !== instance)
      world.after(world.between(300, 2_500), launch)
    })
    void instance.start()
  }

  const publishers = new Publishers(world, live)
  const operator = new Operator(world)
  launch()
  world.after(world.between(0, 1_000), launch)
  publishers.start()
  operator.start()
  if (!profile.calm) new Weather(world, live).start(publishingTime)

  const run = async (ms: number): Promise<boolean> => {
    for (let left = ms; left > 0 && world.violation === undefined; left -= 500)
      await runtime.advance(Math.min(left, 500))
    return world.violation === undefined
  }

  if (await run(publishingTime + 1_000)) {
    world.calm = true
    world.away = false
    for (const instance of instances) {
      instance.plan.heal()
      instance.resume()
      instance.mendClock()
    }
    // What was given a due time by a clock that went wrong is due by now.
    if (profile.jumps) runtime.jump(4 * 3_600_000)
    const deadline = runtime.monotonic() + patience
    do {
      while ((await run(1_000)) && (!publishers.done || (await unfinished(world)) !== undefined)) {
        if (runtime.monotonic() > deadline) world.fail(1, `the world does not come to rest: ${await unfinished(world)}`)
      }
      // What should not happen any more gets its chance to.
      await run(2_000)
    } while (world.violation === undefined && (await unfinished(world)) !== undefined)
    if (world.violation === undefined) for (const invariant of world.invariants) invariant.atEnd?.()
  }
  const { violation, reached, events, lines } = world
  if (violation !== undefined) world.trace(`violation ${violation.invariant} ${violation.message}`)
  return {
    seed,
    violation,
    traceHash: world.traceHash(),
    reached,
    took: runtime.monotonic(),
    events: events.size,
    trace: lines,
  }
}

/** What is still to happen before the world is at rest, in words. */
async function unfinished({ owed, events, disk }: World): Promise<string | undefined> {
  for (const key of owed) {
    const at = key.indexOf('|')
    const event = events.get(key.slice(at + 1))
    return `${key.slice(0, at)} has not handled ${event?.record.type} at ${event?.position} (${event?.stream.replaceAll('\u001f', '/')})`
  }
  for (const collection of ['requests', 'parked']) {
    const [left] = await disk.store.find(collection, { limit: 1 })
    if (left !== undefined) return `${collection} still holds ${left.id.replaceAll('\u001f', '/')}`
  }
  return undefined
}
