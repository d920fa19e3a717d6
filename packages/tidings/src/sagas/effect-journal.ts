import { type Json, plain } from '../events/plain.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { Attempt } from '../subscriber/attempt.ts'
import { settle } from './make-calls.ts'
import { type Called, failureOf, stepKey } from './saga-call.ts'
import type { SagaDocument } from './saga-document.ts'
import { applied, type SagaHost } from './saga-host.ts'
import type { Moment } from './saga-input.ts'
import { commitChange, type KeptSaga, nothing } from './saga-store.ts'
import { stepName } from './step-name.ts'
import { transition } from './transition.ts'

/** The effects of one reaction: each is known before it is called and recorded before its answer is used. */
export class EffectJournal {
  /** The saga as this reaction sees it; `stored` is what the store has of it. */
  kept: KeptSaga
  stored: SagaDocument | undefined
  /** Somebody else has changed the saga: what this reaction has read of it is old. */
  beaten = false
  readonly #host: SagaHost
  readonly #attempt: Attempt
  readonly #moment: Moment
  #line: Promise<unknown> = Promise.resolve()
  /** Effects that have not ended, whether anybody waits for them or not. */
  readonly #flying = new Set<Promise<unknown>>()

  constructor(host: SagaHost, attempt: Attempt, kept: KeptSaga, stored: SagaDocument | undefined, moment: Moment) {
    this.#host = host
    this.#attempt = attempt
    this.kept = kept
    this.stored = stored
    this.#moment = moment
  }

  effect<Result>(name: string, run: (key: string) => Result | Promise<Result>): Promise<Result> {
    const effect = this.#call(name, run)
    const over = (): void => void this.#flying.delete(ended)
    const ended: Promise<void> = effect.then(over, over)
    this.#flying.add(ended)
    return effect
  }

  async #call<Result>(name: string, run: (key: string) => Result | Promise<Result>): Promise<Result> {
    stepName(name, 'effect')
    const known = await this.#turn(() => this.#begin(name))
    if (known !== undefined) return known.result as Result
    const saga = this.kept.document as SagaDocument
    try {
      const result = await run(stepKey(saga, name, 'run'))
      const kept = result === undefined ? undefined : plain(result)
      await this.#turn(() =>
        this.#end({ ...of(name), outcome: { ok: true, ...(kept === undefined ? {} : { result: kept as Json }) } }),
      )
      return result
    } catch (error) {
      if (!this.beaten && this.#attempt.withdrawn === undefined)
        await this.#turn(() => this.#end({ ...of(name), outcome: failureOf(error) }))
      throw error
    }
  }

  /** Resolves when no effect is under way, and what has become of them is recorded. */
  async idle(): Promise<void> {
    while (this.#flying.size > 0) await Promise.all(this.#flying)
    await this.#line
  }

  /** One commit at a time, and none once we have been beaten. */
  #turn<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    const turn = this.#line.then(work)
    this.#line = turn.catch(() => {})
    return turn
  }

  async #begin(name: string): Promise<{ readonly result: Json | undefined } | undefined> {
    const before = this.#saga()
    if (before.steps[name]?.is === 'done') return { result: before.results[name] }
    const compensated = this.#host.plan.reacts?.compensate.has(name) === true
    const { document } = transition(this.#host.plan, before, { kind: 'effect', name, compensated }, this.#now())
    await this.#take(
      await commitChange(
        this.#host,
        this.#attempt,
        { ...this.kept, document: this.stored },
        applied(document, this.#moment.heard.event),
      ),
    )
    return undefined
  }

  async #end(called: Called): Promise<void> {
    const { version } = this.kept
    const settled = await settle(this.#host, this.#attempt, this.kept, [called], this.#now())
    await this.#take(settled.version === version + 1 ? settled : undefined)
  }

  async #take(committed: KeptSaga | undefined): Promise<void> {
    if (committed === undefined) {
      this.beaten = true
      this.#saga()
      return
    }
    this.kept = committed
    this.stored = committed.document
  }

  #saga(): SagaDocument {
    if (this.beaten)
      throw new TidingsError('TIDINGS_CONFLICT', 'The saga was changed by somebody else; its reaction starts over.')
    return this.kept.document as SagaDocument
  }

  #now(): Moment {
    return { ...this.#moment, now: this.#host.runtime.now() }
  }
}

function of(step: string): Omit<Called, 'outcome'> {
  return { step, direction: 'run', ...nothing }
}
