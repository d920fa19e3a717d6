import type { Json } from '../events/plain.ts'
import type { SagaDocument, SagaStatus, SagaTimer, StepState } from './saga-document.ts'
import type { HeardEvent } from './saga-input.ts'

/** A saga's document while one transition changes it. Copies what it changes, nothing else; the document itself stays as it was. */
export class SagaDraft {
  readonly #before: SagaDocument
  #now: SagaDocument

  constructor(before: SagaDocument) {
    this.#before = before
    this.#now = before
  }

  get document(): SagaDocument {
    return this.#now
  }

  get status(): SagaStatus {
    return this.#now.status
  }

  get run(): number {
    return this.#now.run
  }

  get startedBy(): string {
    return this.#now.startedBy
  }

  get steps(): SagaDocument['steps'] {
    return this.#now.steps
  }

  get begun(): readonly string[] {
    return this.#now.begun
  }

  get early(): SagaDocument['early'] {
    return this.#now.early
  }

  get timers(): Readonly<Record<string, SagaTimer | undefined>> {
    return this.#now.timers
  }

  step(name: string): StepState | undefined {
    return this.#now.steps[name]
  }

  set<Name extends keyof SagaDocument>(name: Name, value: SagaDocument[Name]): void {
    if (this.#now[name] !== value) this.#now = { ...this.#now, [name]: value }
  }

  put(into: 'results' | 'heard', name: string, value: Json): void {
    this.set(into, { ...this.#now[into], [name]: value })
  }

  setStep(name: string, state: StepState): void {
    this.set('steps', { ...this.#now.steps, [name]: state })
  }

  /** From here on the step is taken back, should the saga compensate. */
  registers(name: string): void {
    if (!this.#now.begun.includes(name)) this.set('begun', [...this.#now.begun, name])
  }

  /** Takes the place of an earlier timer of the same name. */
  setTimer(name: string, timer: Omit<SagaTimer, 'seq'>): void {
    const seq = this.#now.seq + 1
    this.#now = {
      ...this.#now,
      seq,
      timers: { ...this.#now.timers, [name]: { ...timer, at: Math.ceil(timer.at), seq } },
    }
  }

  dropTimer(name: string): void {
    if (this.#now.timers[name] === undefined) return
    const { [name]: _dropped, ...rest } = this.#now.timers
    this.set('timers', rest)
  }

  dropTimers(): void {
    if (Object.keys(this.#now.timers).length > 0) this.set('timers', {})
  }

  /** The first saga of its key begins with what was remembered for it; a later one begins anew. */
  begin(heard: HeardEvent, now: number, again: boolean): void {
    const {
      endedAt: _ended,
      reason: _reason,
      state: _state,
      correlation: _correlation,
      user: _user,
      ...rest
    } = this.#now
    this.#now = {
      ...rest,
      run: rest.run + (again ? 1 : 0),
      status: 'running',
      startedAt: now,
      startedBy: heard.event,
      named: 'start',
      data: heard.data,
      ...(again
        ? { steps: {}, results: {}, heard: {}, begun: [], early: [], timers: {}, history: [], forgotten: 0 }
        : {}),
    }
  }

  /** The very document it began with where nothing has changed. */
  finish(version: number, now: number): SagaDocument {
    if (this.#now === this.#before) return this.#before
    return { ...this.#now, version, changedAt: now }
  }
}
