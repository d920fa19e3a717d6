import { headOf } from '../bus/registration.ts'
import type { Runtime } from '../kernel/runtime.ts'
import type { Position, Store } from '../store/store.ts'
import { type Generation, type Hold, type ProjectionState, subscriptionName } from './generation.ts'
import { countParked, type Local, readProgress } from './progress.ts'
import { readState } from './state-store.ts'

/** How one projection stands, in all processes. Times are milliseconds since 1970. */
export interface ProjectionStatus {
  readonly name: string
  /** Position of the last event of the log. */
  readonly head: Position
  /** Which generation readers see. */
  readonly live: number | undefined
  /** In order of number. */
  readonly generations: readonly GenerationStatus[]
  /** While generations are compared nothing is applied beyond a position. */
  readonly hold?: Hold
}

export interface GenerationStatus extends Generation {
  /** Under which name its parked events are found. */
  readonly subscription: string
  /** Everything it hears up to here is applied or parked. */
  readonly position: Position
  /** Positions it is behind the head of the log; some of them may hold events that it does not hear. */
  readonly lag: number
  readonly parked: number
  /** Of those, events that wait for an operator. */
  readonly dead: number
  /** How far a build is, from 0 to 1; 1 where it is none any more. */
  readonly share: number
  /** How many positions a second a build has gone through since it began. */
  readonly speed?: number
  /** When a build will have caught up at that speed, in milliseconds from now. */
  readonly eta?: number
}

/** Undefined where no process has ever begun it. */
export async function projectionStatus(
  store: Store,
  runtime: Runtime,
  name: string,
  local?: (generation: number) => Local,
): Promise<ProjectionStatus | undefined> {
  const { state } = await readState(store, name)
  return state === undefined ? undefined : statusOfState(store, runtime, state, local)
}

export async function statusOfState(
  store: Store,
  runtime: Runtime,
  state: ProjectionState,
  local: (generation: number) => Local = () => () => undefined,
): Promise<ProjectionStatus> {
  const generations: GenerationStatus[] = []
  const read = await Promise.all(
    state.generations.map(async (generation) => ({
      generation,
      low: (await readProgress(store, state.name, generation, local(generation.number))).low,
      ...(await countParked(store, state.name, generation)),
    })),
  )
  // After the positions, so that none of them lies beyond it.
  const head = await headOf(store)
  for (const { generation, low, parked, dead } of read) {
    const position = Math.min(low, head)
    generations.push({
      ...generation,
      subscription: subscriptionName(state.name, generation.number),
      position,
      lag: head - position,
      parked,
      dead,
      share: generation.state === 'asked' ? 0 : head === 0 || generation.state !== 'building' ? 1 : position / head,
      ...paceOf(generation, position, head, runtime.now()),
    })
  }
  return {
    name: state.name,
    head,
    live: state.generations.find((one) => one.state === 'live')?.number,
    generations,
    ...(state.hold === undefined || state.hold.until <= runtime.now() ? {} : { hold: state.hold }),
  }
}

function paceOf(
  { state, beganAt }: Generation,
  position: Position,
  head: Position,
  now: number,
): { readonly speed?: number; readonly eta?: number } {
  if (state !== 'building' || beganAt === undefined || now <= beganAt || position === 0) return {}
  const speed = (position * 1_000) / (now - beganAt)
  return { speed, eta: Math.round(((head - position) * 1_000) / speed) }
}
