import { TidingsError } from '../kernel/errors.ts'
import type { Log } from '../kernel/log.ts'
import { type Runtime, sleep } from '../kernel/runtime.ts'
import type { DocumentChange, Store } from '../store/store.ts'
import { type Generation, liveOf, type ProjectionState } from './generation.ts'
import { holdGenerations, releaseHold } from './hold.ts'
import { readState, replaceState } from './state-store.ts'
import { switchAt, switchStatements } from './switch-at.ts'
import { stopVersion, switchTo } from './transitions.ts'

/** How long a generation that readers saw is kept where the one they see from now on does not say, in milliseconds. */
const keepDefault = 86_400_000

export interface ByHand {
  /** Switches although readers may miss something. */
  readonly force: boolean
  /** How long feeders have to bring it up to what readers see, in milliseconds. */
  readonly wait: number
  /** Code of the version that was live until now builds it no more by itself. */
  readonly stopLive: boolean
  /** What is written with the switch. */
  readonly documents: readonly DocumentChange[]
}

/** An operator switches, from whichever process. Rejects with `TIDINGS_PROJECTION_BEHIND` where readers would lose sight of what they see. */
export async function switchByHand(
  { store, runtime, log }: { readonly store: Store; readonly runtime: Runtime; readonly log: Log },
  state: ProjectionState,
  next: Generation,
  { force, wait, stopLive, documents }: ByHand,
): Promise<void> {
  const { name } = state
  const live = liveOf(state)
  if (live === undefined || live.number === next.number) return
  if (next.state === 'asked' || next.state === 'leaving')
    throw refused(name, next.number, next.state === 'asked' ? 'nobody has begun to build it' : 'it is being taken away')
  const after = (current: ProjectionState): ProjectionState =>
    stopLive && live.version !== next.version ? stopVersion(current, live.version) : current
  if (force) {
    await switchAtOnce(store, runtime, name, live, next, after, documents)
    return
  }
  const { keep = keepDefault } = next
  const host = { store, runtime, log, name, keep, local: () => () => undefined, held: () => {}, closed: () => false }
  const until = runtime.monotonic() + wait
  const level = await holdGenerations(host, next, live)
  if (level === undefined) throw refused(name, next.number, 'its generations are being compared just now')
  try {
    for (;;) {
      if (await switchAt(host, level, { after, documents })) return
      if (runtime.monotonic() >= until) throw refused(name, next.number, 'it has not applied what readers see already')
      await sleep(runtime, 25)
      await level.extend()
    }
  } finally {
    await releaseHold(host, level)
  }
}

async function switchAtOnce(
  store: Store,
  runtime: Runtime,
  name: string,
  live: Generation,
  next: Generation,
  after: (state: ProjectionState) => ProjectionState,
  documents: readonly DocumentChange[],
): Promise<void> {
  for (;;) {
    const { state, version } = await readState(store, name)
    if (state === undefined || liveOf(state)?.number !== live.number)
      throw refused(name, next.number, 'somebody else has switched meanwhile')
    const switched = after(switchTo(state, next.number, { now: runtime.now(), keep: next.keep ?? keepDefault }))
    if (
      await replaceState(store, switched, version, { statements: await switchStatements(store, live, next), documents })
    )
      return
  }
}

function refused(name: string, generation: number, why: string): TidingsError {
  return new TidingsError(
    'TIDINGS_PROJECTION_BEHIND',
    `Readers of ${name} are not switched to generation ${generation}: ${why}.`,
    { details: { name, generation } },
  )
}
