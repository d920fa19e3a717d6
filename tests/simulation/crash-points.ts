import { OrderPaid, OrderPlaced, OrderSeen } from './definitions.ts'
import { Instance } from './instance.ts'
import { invariants } from './invariants/index.ts'
import { Operator } from './operator.ts'
import { profileOf } from './profile.ts'
import { hearing } from './subscriptions.ts'
import { type Violation, World } from './world.ts'

export interface CrashPoint {
  /** Which commit of the first instance, from 0. */
  readonly commit: number
  readonly what: 'crash before' | 'crash after'
}

export interface CrashResult {
  readonly violation: Violation | undefined
  /** Commits that the first instance has begun. */
  readonly commits: number
  readonly crashed: boolean
}

const all = [
  'ledger',
  'mailer',
  'audit',
  'poisoned',
  'skipper',
  'follower',
  'notes',
  'charger',
  'inline',
  'slow',
  'remote',
  'mute',
]

/**
 * A short story without chance: one instance starts, hears seven orders of two streams, two of them poisoned, and is asked to run those again. It dies
 * at one given commit; another takes over. Every promise must hold wherever that was.
 */
export async function runCrash(point: CrashPoint | undefined): Promise<CrashResult> {
  const profile = {
    ...profileOf(1),
    calm: false,
    damage: false,
    jumps: false,
    bytesOnly: false,
    wind: 0,
    subscriptions: all,
    window: 1_000,
    page: 512,
  }
  const world = new World(1, profile, { hearing: hearing(all) })
  world.invariants.push(...invariants.map((make) => make(world)))
  // Handlers fail for no reason but the poison of the story.
  world.calm = true
  let commits = 0
  const first = new Instance(world, 'i-1', () => {})
  if (point !== undefined) first.plan.add({ what: point.what, skip: point.commit, times: 1 })
  const strike = first.plan.strike.bind(first.plan)
  first.plan.strike = (runtime, kinds, places) => {
    if (kinds.has('crash before')) commits++
    return strike(runtime, kinds, places)
  }
  void first.start()
  new Operator(world).start()
  await world.runtime.advance(100)
  publish(world, first)
  await world.runtime.advance(6_000)
  const crashed = first.dead
  first.plan.crash()
  const second = new Instance(world, 'i-2', () => {})
  void second.start()
  for (let waited = 0; waited < 60 && world.violation === undefined && (await unfinished(world)); waited++)
    await world.runtime.advance(1_000)
  if (await unfinished(world)) world.fail(8, `it does not come to rest: ${[...world.owed].slice(0, 3).join(', ')}`)
  for (const invariant of world.invariants) invariant.atEnd?.()
  return { violation: world.violation, commits, crashed }
}

function publish(world: World, { bus }: Instance): void {
  if (bus === undefined) return
  const definitions = [OrderPlaced, OrderPaid, OrderSeen]
  for (let n = 1; n <= 7; n++) {
    const token = `t-${n}`
    const book: World['published'][number] = {
      token,
      instance: 'i-1',
      began: world.now,
      options: {},
      status: 'pending',
      id: undefined,
      streamVersion: undefined,
      duplicateOf: undefined,
      error: undefined,
    }
    world.published.push(book)
    const poison = n === 1 ? ({ poison: 'error' } as const) : n === 4 ? ({ poison: 'permanent' } as const) : {}
    bus.publish(definitions[n % 3] as typeof OrderPaid, { token, key: `k-${n % 2}`, ...poison }).then(
      ({ id, streamVersion }) => {
        book.id = id
        book.streamVersion = streamVersion
        book.status = 'acknowledged'
        world.answered(book)
      },
      () => {},
    )
  }
}

async function unfinished({ owed, disk }: World): Promise<boolean> {
  if (owed.size > 0) return true
  for (const collection of ['requests', 'parked'])
    if ((await disk.store.find(collection, { limit: 1 })).length > 0) return true
  return false
}
