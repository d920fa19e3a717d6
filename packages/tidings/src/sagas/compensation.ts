import { delayOf } from '../resilience/backoff.ts'
import type { SagaReason, StepState } from './saga-document.ts'
import type { SagaDraft } from './saga-draft.ts'
import type { CallOutcome, Moment, Remark } from './saga-input.ts'
import { callOf, type SagaPlan } from './saga-plan.ts'

/** Longest text of an error that is kept. */
const mostError = 500
/** Beyond its timeout: how long a call is taken for under way that nobody has told the end of, in milliseconds. */
const lostAfter = 60_000
/** How long an effect is waited for, which has no timeout of its own. */
const effectTimeout = 30_000

/** One transition under way; see `transition`. This file is its way back. */
export interface Turn {
  readonly plan: SagaPlan
  readonly draft: SagaDraft
  readonly moment: Moment
  readonly remarks: Remark[]
}

export function resume(turn: Turn, skip: boolean): void {
  const { draft, moment } = turn
  if (draft.status !== 'stuck') {
    turn.remarks.push('refused')
    return
  }
  draft.set('status', 'compensating')
  draft.set('endedAt', undefined)
  for (const [name, state] of Object.entries(draft.steps)) {
    if (state.is !== 'undo-failed') continue
    if (skip) draft.setStep(name, { is: 'undone', at: moment.now })
    else draft.setStep(name, { is: 'undoing', tries: 1, by: moment.heard.event, since: moment.now })
  }
  undoNext(turn)
}

/** After a crash nobody knows whether a call that was under way has happened. */
export function again(turn: Turn): void {
  const { draft, moment } = turn
  if (draft.status !== 'compensating') return
  for (const [name, state] of Object.entries(draft.steps)) {
    if (state.is === 'running' && state.by === moment.heard.event) forget(turn, name, state.tries)
  }
  undoNext(turn)
}

/** Whether this call has happened is not known, and will not be: it is taken back like one that has. */
export function forget({ draft }: Turn, name: string, tries: number): void {
  draft.dropTimer(`lost:${name}`)
  draft.setStep(name, { is: 'failed', tries, error: 'Its outcome is not known.' })
}

/** When a call that is under way must be over, or whoever made it is gone. Wall time, milliseconds. */
export function lostAt(
  plan: SagaPlan,
  name: string,
  { is, since }: Extract<StepState, { since: number; by: string }>,
): number {
  return since + (callOf(plan, name, is === 'running' ? 'run' : 'undo')?.how.timeout ?? effectTimeout) + lostAfter
}

export function compensate(turn: Turn, reason: SagaReason): void {
  const { draft } = turn
  draft.set('reason', reason)
  draft.set('status', 'compensating')
  draft.dropTimers()
  for (const [name, state] of Object.entries(draft.steps)) {
    if (state.is === 'waiting') draft.setStep(name, { is: 'stopped' })
    else if (state.is === 'retrying') draft.setStep(name, { ...state, is: 'failed' })
  }
  turn.remarks.push('compensating')
  undoNext(turn)
}

/** One compensation at a time, the last that has begun first; calls that are under way are waited for, unless nobody can tell their end any longer. */
export function undoNext(turn: Turn): void {
  const { draft, moment, plan } = turn
  if (draft.status !== 'compensating') return
  for (const [name, state] of Object.entries(draft.steps)) {
    if (state.is !== 'running' || draft.timers[`lost:${name}`] !== undefined) continue
    // An effect may take as long as its reaction: only from here on it is waited for.
    const since = plan.steps.has(name) ? state.since : moment.now
    draft.setTimer(`lost:${name}`, { what: 'lost', of: name, at: lostAt(plan, name, { ...state, since }) })
  }
  if (Object.values(draft.steps).some(({ is }) => is === 'running' || is === 'undoing' || is === 'undo-retrying'))
    return
  const next = draft.begun.findLast((name) => draft.step(name)?.is !== 'undone')
  if (next === undefined) end(turn, 'compensated')
  else if (callOf(plan, next, 'undo')?.call === undefined) {
    // A later version of the definition has given its compensation up.
    draft.setStep(next, { is: 'undone', at: moment.now })
    undoNext(turn)
  } else draft.setStep(next, { is: 'undoing', tries: 1, by: moment.heard.event, since: moment.now })
}

export function undone(turn: Turn, name: string, tried: number, outcome: CallOutcome): void {
  const { draft, moment, plan } = turn
  if (outcome.ok) {
    draft.setStep(name, { is: 'undone', at: moment.now })
    undoNext(turn)
    return
  }
  const tries = spent(tried, outcome)
  const error = cut(outcome.error)
  const how = callOf(plan, name, 'undo')?.how
  if (how !== undefined && !outcome.permanent && tries < how.tries) {
    const wait = outcome.after ?? delayOf(how.backoff, tries, moment.chance)
    draft.setStep(name, { is: 'undo-retrying', tries, error })
    draft.setTimer(`undo:${name}`, { what: 'undo', of: name, at: moment.now + wait })
    return
  }
  draft.setStep(name, { is: 'undo-failed', tries, error })
  end(turn, 'stuck')
}

export function end(turn: Turn, status: 'done' | 'compensated' | 'stuck'): void {
  const { draft, moment } = turn
  draft.set('status', status)
  draft.set('endedAt', moment.now)
  draft.dropTimers()
  if (status !== 'stuck' && draft.early.length > 0) draft.set('early', [])
  turn.remarks.push(status)
}

/** What cannot be reached costs no try. */
export function spent(tries: number, { unavailable }: Extract<CallOutcome, { ok: false }>): number {
  return unavailable === true ? tries - 1 : tries
}

export function cut(text: string): string {
  return text.length > mostError ? `${text.slice(0, mostError)}…` : text
}
