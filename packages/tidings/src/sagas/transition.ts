import { isDeepStrictEqual } from 'node:util'

import type { Json } from '../events/plain.ts'
import { delayOf } from '../resilience/backoff.ts'
import {
  again,
  compensate,
  cut,
  end,
  forget,
  lostAt,
  resume,
  spent,
  type Turn,
  undoNext,
  undone,
} from './compensation.ts'
import type { SagaDocument } from './saga-document.ts'
import { hasEnded } from './saga-document.ts'
import { SagaDraft } from './saga-draft.ts'
import { withHistory } from './saga-history.ts'
import type { CallOutcome, Moment, Remark, SagaInput, Transition } from './saga-input.ts'
import { callOf, type SagaPlan, type StepPlan } from './saga-plan.ts'
import { viewOf } from './saga-view.ts'

/** Most events that one saga remembers before their step waits for them. */
const mostEarly = 100

/** Where an event found no saga: what one of this key would begin with. */
export function unbegun(plan: SagaPlan, tenant: string, key: string, now: number): SagaDocument {
  return {
    format: 1,
    saga: plan.name,
    version: plan.version,
    tenant,
    key,
    run: 1,
    status: 'early',
    startedAt: now,
    changedAt: now,
    startedBy: '',
    data: null,
    steps: {},
    results: {},
    heard: {},
    begun: [],
    early: [],
    applied: [],
    timers: {},
    seq: 0,
    history: [],
    forgotten: 0,
  }
}

/**
 * The only place where a saga's state changes. Pure: the same document, input and moment give the same result. What is to be called follows from the
 * document (`callsOf`), and so do its timers.
 */
export function transition(
  plan: SagaPlan,
  before: SagaDocument,
  input: SagaInput,
  moment: Moment,
): Transition<SagaDocument> {
  const turn = new Forward(plan, new SagaDraft(before), moment)
  turn.take(input)
  const after = turn.draft.finish(plan.version, moment.now)
  return {
    document: after === before ? before : withHistory(before, after, moment),
    remarks: turn.remarks,
  }
}

/** What the handling of this event has to call now, and again after a crash: at most one direction of each step. */
export function callsOf(
  { steps }: SagaDocument,
  by: string,
): readonly { readonly step: string; readonly direction: 'run' | 'undo'; readonly tries: number }[] {
  return Object.entries(steps).flatMap(([step, state]) =>
    (state.is === 'running' || state.is === 'undoing') && state.by === by
      ? [{ step, direction: state.is === 'running' ? ('run' as const) : ('undo' as const), tries: state.tries }]
      : [],
  )
}

class Forward implements Turn {
  readonly plan: SagaPlan
  readonly draft: SagaDraft
  readonly moment: Moment
  readonly remarks: Remark[] = []

  constructor(plan: SagaPlan, draft: SagaDraft, moment: Moment) {
    this.plan = plan
    this.draft = draft
    this.moment = moment
  }

  take(input: SagaInput): void {
    const { draft } = this
    if (input.kind === 'start') this.#start(input)
    else if (input.kind === 'again') again(this)
    else if (hasEnded(draft)) this.remarks.push('late')
    else if (input.kind === 'event') this.#hear()
    else if (input.kind === 'effect') this.#effect(input.name, input.compensated)
    else if (input.kind === 'reacted') this.#reacted(input)
    else if (input.kind === 'called') this.#called(input.step, input.direction, input.outcome)
    else if (input.run !== draft.run) this.remarks.push('stale')
    else if (input.kind === 'due') this.#due(input.timer, input.seq)
    else if (input.kind === 'cancel') {
      if (draft.status === 'running')
        compensate(this, { what: 'cancelled', message: cut(input.why ?? `Cancelled by ${input.by}.`) })
      else this.remarks.push('refused')
    } else if (input.kind === 'signal') this.#signal(input.step, input.data)
    else if (input.kind === 'retry') this.#retry(input.step)
    else resume(this, input.skip)
  }

  #start({ correlation, user, state }: Extract<SagaInput, { kind: 'start' }>): void {
    const { draft, moment, plan } = this
    const again = hasEnded(draft)
    if ((draft.status !== 'early' && !again) || draft.startedBy === moment.heard.event) {
      this.remarks.push('duplicate')
      return
    }
    draft.begin(moment.heard, moment.now, again)
    if (correlation !== undefined) draft.set('correlation', correlation)
    if (user !== undefined) draft.set('user', user)
    if (state !== undefined) draft.set('state', state)
    this.remarks.push('started')
    if (plan.timeout !== undefined) draft.setTimer('saga', { what: 'saga', of: '', at: moment.now + plan.timeout })
    if (plan.reacts === undefined) this.#advance()
  }

  /** Begins whatever is to be begun; what is done already is passed. */
  #advance(): void {
    const { draft, moment, plan } = this
    if (draft.status !== 'running' || plan.reacts !== undefined) return
    const reached = plan.stages.findLastIndex((stage) => stage.some(({ name }) => draft.step(name) !== undefined))
    for (const [at, stage] of plan.stages.entries()) {
      for (const { name } of at < reached ? stage : [])
        if (draft.step(name) === undefined) draft.setStep(name, { is: 'skipped' })
      const open = stage.filter(({ name }) => !isPassed(draft.step(name)?.is))
      if (open.length === 0) continue
      for (const step of open) {
        if (draft.step(step.name) !== undefined) continue
        if (step.undo !== undefined) draft.registers(step.name)
        draft.setStep(step.name, { is: 'running', tries: 1, by: moment.heard.event, since: moment.now })
      }
      return
    }
    end(this, 'done')
  }

  #called(name: string, direction: 'run' | 'undo', outcome: CallOutcome): void {
    const { draft, moment } = this
    const state = draft.step(name)
    const expected = direction === 'run' ? 'running' : 'undoing'
    if (state?.is !== expected || state.by !== moment.heard.event) {
      this.remarks.push('stale')
      return
    }
    draft.dropTimer(`lost:${name}`)
    if (direction === 'undo') undone(this, name, state.tries, outcome)
    else if (!outcome.ok) this.#runFailed(name, state.tries, outcome)
    else {
      if (outcome.result !== undefined) draft.put('results', name, outcome.result)
      if (draft.status === 'running') this.#awaitOrPass(name, this.plan.steps.get(name))
      else {
        draft.setStep(name, { is: 'stopped' })
        undoNext(this)
      }
    }
  }

  /** The call is made; what is left of the step is to hear what it waits for. */
  #awaitOrPass(name: string, step: StepPlan | undefined): void {
    const { draft, moment } = this
    const wait = step?.wait
    if (wait === undefined) this.#pass(name)
    else {
      draft.setStep(name, { is: 'waiting', since: moment.now })
      if (wait.timeout !== undefined)
        draft.setTimer(`wait:${name}`, { what: 'wait', of: name, at: moment.now + wait.timeout })
      const known = draft.early.find(({ type, data }) => this.#isAwaited(name, type, data, true))
      if (known === undefined) return
      draft.set(
        'early',
        draft.early.filter((one) => one !== known),
      )
      draft.put('heard', name, known.data)
      this.#pass(name)
    }
  }

  /** `lenient`: a function of the user that throws says no, since there is nobody to tell. */
  #isAwaited(name: string, type: string, data: Json, lenient: boolean): boolean {
    const wait = this.plan.steps.get(name)?.wait
    if (wait?.types.includes(type) !== true) return false
    try {
      return wait.match?.(data, viewOf(this.draft.document)) ?? true
    } catch (error) {
      if (lenient) return false
      throw error
    }
  }

  #pass(name: string): void {
    const { draft, moment } = this
    draft.dropTimer(`wait:${name}`)
    draft.setStep(name, { is: 'done', at: moment.now })
    this.#advance()
  }

  #runFailed(name: string, tried: number, failure: Extract<CallOutcome, { ok: false }>): void {
    const { draft, moment, plan } = this
    const tries = spent(tried, failure)
    const error = cut(failure.error)
    const how = callOf(plan, name, 'run')?.how
    if (draft.status === 'running' && plan.reacts !== undefined) {
      // The reaction fails with it, and is tried again by whoever delivers its event.
      draft.setStep(name, { is: 'retrying', tries, error })
      return
    }
    if (draft.status === 'running' && how !== undefined && !failure.permanent && tries < how.tries) {
      const wait = failure.after ?? delayOf(how.backoff, tries, moment.chance)
      draft.setStep(name, { is: 'retrying', tries, error })
      draft.setTimer(`retry:${name}`, { what: 'retry', of: name, at: moment.now + wait })
      return
    }
    draft.setStep(name, { is: 'failed', tries, error })
    if (draft.status === 'running') compensate(this, { what: 'step', step: name, message: error })
    else undoNext(this)
  }

  #hear(): void {
    const { draft, moment, plan } = this
    const { heard } = moment
    const names = [...plan.steps.keys()]
    const takers = names.filter(
      (name) => draft.step(name)?.is === 'waiting' && this.#isAwaited(name, heard.type, heard.data, false),
    )
    if (draft.status === 'running' && takers.length > 0) {
      for (const name of takers) {
        draft.put('heard', name, heard.data)
        draft.dropTimer(`wait:${name}`)
        draft.setStep(name, { is: 'done', at: moment.now })
      }
      this.#advance()
      return
    }
    if (draft.early.some(({ event }) => event === heard.event)) return
    const isAhead = (name: string): boolean => {
      const is = draft.step(name)?.is
      const mayWait = is === undefined || is === 'running' || is === 'retrying'
      return mayWait && plan.steps.get(name)?.wait?.types.includes(heard.type) === true
    }
    if (draft.status !== 'early' && !(draft.status === 'running' && names.some(isAhead))) this.remarks.push('unawaited')
    else if (draft.early.length >= mostEarly) this.remarks.push('overfull')
    else {
      draft.set('early', [...draft.early, { ...heard, at: moment.now }])
      this.remarks.push('remembered')
    }
  }

  /** A saga that reacts is about to call outside. */
  #effect(name: string, compensated: boolean): void {
    const { draft, moment } = this
    if (draft.status !== 'running') return
    const state = draft.step(name)
    if (compensated) draft.registers(name)
    const tries =
      state?.is === 'retrying' || state?.is === 'running' ? state.tries + (state.is === 'retrying' ? 1 : 0) : 1
    draft.setStep(name, { is: 'running', tries, by: moment.heard.event, since: moment.now })
  }

  #reacted({ state, set, drop, end: ending }: Extract<SagaInput, { kind: 'reacted' }>): void {
    const { draft } = this
    if (draft.status !== 'running') {
      this.remarks.push('unawaited')
      return
    }
    if (!isDeepStrictEqual(draft.document.state, state)) draft.set('state', state)
    for (const name of drop) draft.dropTimer(`own:${name}`)
    for (const { name, at } of set) draft.setTimer(`own:${name}`, { what: 'own', of: name, at })
    if (ending?.as === 'done') end(this, 'done')
    else if (ending?.as === 'failed') compensate(this, { what: 'failed', message: cut(ending.message) })
  }

  #due(id: string, seq: number): void {
    const { draft, moment } = this
    const timer = draft.timers[id]
    if (timer === undefined || timer.seq !== seq) {
      this.remarks.push('stale')
      return
    }
    draft.dropTimer(id)
    const state = draft.step(timer.of)
    if (timer.what === 'saga') {
      if (draft.status === 'running')
        compensate(this, { what: 'timeout', message: 'It took longer than its `timeout`.' })
    } else if (timer.what === 'wait' && state?.is === 'waiting') {
      draft.setStep(timer.of, { is: 'failed', tries: 1, error: 'What it waits for has not come in time.' })
      compensate(this, { what: 'timeout', step: timer.of, message: 'What it waits for has not come in time.' })
    } else if (timer.what === 'retry' && state?.is === 'retrying') {
      draft.setStep(timer.of, { is: 'running', tries: state.tries + 1, by: moment.heard.event, since: moment.now })
    } else if (timer.what === 'lost' && state?.is === 'running') {
      forget(this, timer.of, state.tries)
      undoNext(this)
    } else if (timer.what === 'own') {
      // The reaction to it is the user's; see `react`.
    } else if (timer.what === 'undo' && state?.is === 'undo-retrying') {
      draft.setStep(timer.of, { is: 'undoing', tries: state.tries + 1, by: moment.heard.event, since: moment.now })
    }
  }

  #signal(name: string, data: Json): void {
    const { draft } = this
    if (draft.status !== 'running' || draft.step(name)?.is !== 'waiting') {
      this.remarks.push('refused')
      return
    }
    draft.put('heard', name, data)
    this.#pass(name)
  }

  #retry(only: string | undefined): void {
    const { draft, moment } = this
    if (draft.status === 'stuck') {
      resume(this, false)
      return
    }
    const { now, heard } = moment
    let any = false
    for (const [name, state] of Object.entries(draft.steps)) {
      if (only !== undefined && name !== only) continue
      const isBack = state.is === 'undoing' || state.is === 'undo-retrying'
      const isWaiting = state.is === 'retrying' || state.is === 'undo-retrying'
      if (!isWaiting && !this.#isLost(name)) continue
      any = true
      draft.dropTimer(`${isBack ? 'undo' : 'retry'}:${name}`)
      const tries = 'tries' in state ? state.tries + (isWaiting ? 1 : 0) : 1
      // A step that nobody needs any longer is not called again; whether it has happened is not known.
      if (!isBack && draft.status !== 'running') forget(this, name, tries)
      else draft.setStep(name, { is: isBack ? 'undoing' : 'running', tries, by: heard.event, since: now })
    }
    if (any) undoNext(this)
    else this.remarks.push('refused')
  }

  /** It was called so long ago that whoever called it must have gone, and what would call it again has not come. */
  #isLost(name: string): boolean {
    const state = this.draft.step(name)
    if (state?.is !== 'running' && state?.is !== 'undoing') return false
    return this.moment.now > lostAt(this.plan, name, state)
  }
}

function isPassed(is: string | undefined): boolean {
  return is === 'done' || is === 'skipped'
}
