import { sleep } from '../kernel/runtime.ts'
import type { Position } from '../store/store.ts'
import type { Carrier } from './carry-on.ts'
import { compareGenerations } from './compare-generations.ts'
import { type Generation, liveOf, type Parity, type ProjectionState } from './generation.ts'
import { holdGenerations, type Level, releaseHold } from './hold.ts'
import { parkedOnlyInNext } from './parked-only-in-next.ts'
import { isThrough, readProgress } from './progress.ts'
import { changeState } from './state-store.ts'
import { switchAt } from './switch-at.ts'
import { markReady, noteParity } from './transitions.ts'

/** A build counts as caught up where it needs no longer than this for the rest, in milliseconds: the live generation waits meanwhile. */
const soon = 2_000

/** Positions that are few enough whatever the speed, and too many whatever the speed. */
const few = 50
const many = 10_000

/** For how long it is not tried again to compare generations that could not be brought to one position, in milliseconds. */
const pause = 5_000

/**
 * Ends a build that has come near the head: both generations are brought to one position, compared there, and switched by one commit that holds only while
 * both still stand there. So readers never see less than they have seen. Answers the state as it is then.
 */
export async function conduct(carrier: Carrier, state: ProjectionState, next: Generation): Promise<ProjectionState> {
  const { store, runtime, log, settings } = carrier
  const live = liveOf(state)
  const { parity } = next
  if (live === undefined || (state.hold !== undefined && state.hold.until > runtime.now())) return state
  if (parity?.verdict === 'unchecked' && runtime.now() - parity.at < pause) return state
  const { high } = await readProgress(store, settings.name, live)
  const progress = await readProgress(store, settings.name, next, carrier.local(next.number))
  const near = nearOf(next, progress.low, runtime.now())
  if (high - progress.low > near && !(await isThrough(store, next, progress, high - near, 20))) return state
  const level = await holdGenerations(carrier, next, live)
  if (level === undefined) return state
  try {
    const verdict = await verdictOf(carrier, level)
    if (verdict.verdict === 'unchecked') {
      log('warn', 'Two generations of a projection could not be compared; it is tried again', {
        projection: settings.name,
        generation: next.number,
        why: verdict.says,
      })
      await changeState(store, settings.name, (current) => current && noteParity(current, next.number, verdict))
    } else if (verdict.verdict === 'differs' || verdict.verdict === 'refused' || next.switch === 'manual') {
      log(
        next.switch === 'manual' && verdict.verdict !== 'differs' ? 'info' : 'warn',
        'A projection waits for somebody to switch it',
        {
          projection: settings.name,
          generation: next.number,
          why: verdict.says,
        },
      )
      await changeState(
        store,
        settings.name,
        (current) => current && markReady(current, next.number, verdict, runtime.now()),
      )
    } else {
      // Idle partitions write down how far they are now and then: then it is looked anew.
      for (let tries = 0; tries < 20 && !carrier.closed(); tries++) {
        // Somebody had gone beyond: what was found out is not of where they stand now.
        if (level.at !== verdict.position) break
        if (await switchAt(carrier, level, { parity: verdict })) {
          log('info', 'A projection has been switched', { projection: settings.name, generation: next.number })
          break
        }
        await sleep(runtime, 20)
      }
    }
  } finally {
    await releaseHold(carrier, level)
  }
  return (await changeState(store, settings.name, () => undefined)) ?? state
}

/** Within how many positions the rest is done soon, at the speed of the build so far. */
function nearOf({ beganAt = 0, rate = Number.POSITIVE_INFINITY }: Generation, position: Position, now: number): number {
  const speed = Math.min(rate, position / Math.max(0.25, (now - beganAt) / 1_000))
  return Math.min(many, Math.max(few, (speed * soon) / 1_000))
}

/** Compares what stands at one position. */
async function verdictOf(carrier: Carrier, level: Level): Promise<Parity> {
  const { runtime } = carrier
  const verdict = (verdict: Parity['verdict'], says: string): Parity => ({
    verdict,
    says,
    at: runtime.now(),
    position: level.at,
  })
  if (!(await level.reached())) return verdict('unchecked', 'The generations did not come to one position in time.')
  const { dead, retried } = await parkedOnlyInNext(carrier, level)
  if (dead > 0)
    return verdict(
      'refused',
      `${dead} events are parked that the live generation has applied: readers would miss them.`,
    )
  if (retried > 0) return verdict('unchecked', `${retried} events are parked until they are tried again.`)
  const compared = await compareGenerations(carrier, level).catch(
    (error: unknown): Pick<Parity, 'verdict' | 'says'> => ({
      verdict: 'unchecked',
      says: `They could not be read: ${error instanceof Error ? error.message : String(error)}`,
    }),
  )
  // Whoever did not hear of the hold may have gone on; what was compared then was not of one position.
  if (compared.verdict !== 'skipped' && compared.verdict !== 'unchecked' && !(await level.still()))
    return verdict('unchecked', 'Something was applied while the generations were compared.')
  return verdict(compared.verdict, compared.says)
}
