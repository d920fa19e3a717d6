import type { Invariant, Run } from '../facts.ts'
import { backoff } from '../subscriptions.ts'
import type { World } from '../world.ts'

/** Those whose waits are as `backoff` says. */
const checked = new Set(['ledger', 'follower', 'charger', 'slow'])
const coolDown = 1_000

/**
 * 37: no attempt begins before its wait is over, also not where another process makes it; an open breaker lets nothing through, and nothing that only
 * its dependency kept from being handled ever loses an attempt.
 */
export function retriesWait(world: World): Invariant {
  /** Wall time, by parked document. */
  const due = new Map<string, number>()
  /** By instance: when something was found to be away, from when on nothing may begin. */
  const opened = new Map<string, number>()
  /** By instance: when a former owner found the same first, within one cool-down. Nobody outside knows whether it had noticed by then, and so whether its breaker has heard. */
  const perhaps = new Map<string, number>()
  return {
    committed({ unit }) {
      for (const change of unit.documents ?? []) {
        if (change.collection !== 'parked') continue
        if (!('put' in change)) {
          due.delete(change.id)
          continue
        }
        const parked = JSON.parse(change.put) as { state: string; due?: number }
        if (parked.state === 'retry' && parked.due !== undefined) due.set(change.id, parked.due)
        else due.delete(change.id)
      }
    },
    began(run) {
      if (checked.has(run.subscription)) waited(world, run, due)
      if (run.subscription !== 'remote') return
      if (run.attempt !== 1)
        world.fail(
          37,
          `remote is at attempt ${run.attempt} of the event at ${run.event.position}, although nothing but its dependency ever failed`,
        )
      const since = opened.get(run.instance)
      if (since === undefined) return
      if (run.began > since && run.began < since + coolDown)
        world.fail(37, `remote was called ${Math.round(run.began - since)} ms after its breaker opened`)
      if (run.began >= since + coolDown) {
        opened.delete(run.instance)
        world.sometimes('a breaker let a probe through')
      }
    },
    ended(run) {
      if (
        run.subscription !== 'remote' ||
        run.outcome !== 'threw' ||
        !(run.error instanceof Error) ||
        run.error.message !== 'nobody answers'
      )
        return
      const fence = world.fences.get(`remote/0/${run.event.partition}`)
      const before = perhaps.get(run.instance) ?? Number.NEGATIVE_INFINITY
      if (fence?.by !== run.instance || fence.version !== run.token) {
        if (world.now - before >= coolDown) perhaps.set(run.instance, world.now)
        return
      }
      // Had it heard of that, it opened then, and what began before and ends now changes nothing.
      if (!opened.has(run.instance)) opened.set(run.instance, world.now - before < coolDown ? before : world.now)
      world.sometimes('a breaker opened')
    },
  }
}

function waited(world: World, run: Run, due: ReadonlyMap<string, number>): void {
  const id = `${run.subscription}/0/${run.event.stream}/${String(run.event.position).padStart(16, '0')}`
  const before = world.runs.get(`${run.subscription}|${run.event.id}`)?.at(-1)
  if (
    before?.outcome === 'threw' &&
    before.ended !== undefined &&
    before.attempt + 1 === run.attempt &&
    before.instance === run.instance &&
    before.token === run.token
  ) {
    const least = run.attempt === 2 ? backoff[0] : run.subscription === 'slow' ? 0 : backoff[1]
    const waits = run.began - before.ended
    // What waits in its lane is timed in memory; a parked event is due by the wall clock, which may jump.
    const timed = !world.profile.jumps || !due.has(id)
    if (timed && run.subscription !== 'slow' && waits < least - 1)
      world.fail(
        37,
        `${run.subscription} tried the event at ${run.event.position} again after ${Math.round(waits)} ms instead of ${least}`,
      )
  }
  // Wall clocks that jump move due times with them, and a former owner knows no better.
  if (world.profile.jumps || world.fences.get(`${run.subscription}/0/${run.event.partition}`)?.by !== run.instance)
    return
  const early = (due.get(id) ?? 0) - world.runtime.now()
  if (early > 1)
    world.fail(
      37,
      `${run.subscription} tried the parked event at ${run.event.position} ${Math.round(early)} ms before it was due`,
    )
}
