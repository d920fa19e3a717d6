import { hash } from 'node:crypto'

import type { EventDefinition } from '../events/define-event.ts'
import { plain } from '../events/plain.ts'
import type { EventRecord } from '../events/record.ts'
import { isTidingsError, TidingsError } from '../kernel/errors.ts'
import type { Runtime } from '../kernel/runtime.ts'
import { soundError } from '../kernel/sound-error.ts'
import type { Stamp } from '../prepare/prepare.ts'
import type { Publisher } from '../publisher/publisher.ts'
import type { Statement } from '../store/store.ts'
import type { PublishedInUnit } from '../subscriber/handler-context.ts'
import { verdictOf } from '../subscriber/verdict.ts'
import type { SagaContext } from './saga-context.ts'
import { lifeOf, type SagaDocument } from './saga-document.ts'
import type { CallOutcome } from './saga-input.ts'
import { viewOf } from './saga-view.ts'

export interface CallHost {
  readonly publisher: Publisher
  readonly runtime: Runtime
}

/** What a function of the user wants committed with its outcome. */
export interface Gathered {
  readonly published: readonly {
    readonly record: EventRecord /** Its type asks for each content once. */
    readonly once: boolean
  }[]
  readonly statements: readonly Statement[]
}

/** One call and how it has ended. */
export interface Called extends Gathered {
  readonly step: string
  readonly direction: 'run' | 'undo'
  readonly outcome: CallOutcome
}

/** The key under which a step is called: one per saga, step and direction. */
export function stepKey(saga: SagaDocument, step: string, direction: 'run' | 'undo'): string {
  return hash('sha256', `${lifeOf(saga)}/${direction}/${step}`, 'base64url')
}

/**
 * Makes one call of a step, or of its compensation, and answers how it ended. Never rejects. Where it takes longer than `timeout` milliseconds it counts as
 * failed, its signal aborts and its context throws: whether it has happened nobody knows.
 */
export async function callStep(
  host: CallHost,
  saga: SagaDocument,
  call: { readonly step: string; readonly direction: 'run' | 'undo'; readonly tries: number },
  run: (saga: SagaContext<never>) => unknown,
  timeout: number,
  outer: AbortSignal,
): Promise<Called> {
  const gathering = new Gathering(host, saga)
  const of = { step: call.step, direction: call.direction }
  const abort = new AbortController()
  const pass = (): void => abort.abort(outer.reason)
  outer.addEventListener('abort', pass, { once: true })
  if (outer.aborted) pass()
  const late = Promise.withResolvers<never>()
  const timer = host.runtime.setTimer(timeout, () => {
    const error = new TidingsError(
      'TIDINGS_HANDLER_TIMEOUT',
      `Step ${call.step} took longer than ${timeout} ms (option \`timeout\`).`,
    )
    abort.abort(error)
    late.reject(error)
  })
  const context: SagaContext<never> = {
    ...(viewOf(saga) as SagaContext<never>),
    stepId: stepKey(saga, call.step, call.direction),
    attempt: call.tries,
    signal: abort.signal,
    publish: gathering.publish,
    write: gathering.write,
  }
  try {
    const calling = (async () => run(context))()
    const result = await Promise.race([calling, late.promise])
    await gathering.gathered()
    const { published, statements } = gathering
    return { ...of, published, statements, outcome: { ok: true, ...resultOf(result) } }
  } catch (error) {
    return { ...of, published: [], statements: [], outcome: failureOf(error) }
  } finally {
    gathering.close()
    timer.cancel()
    outer.removeEventListener('abort', pass)
    late.promise.catch(() => {})
  }
}

/** What one function publishes and writes, until it is closed. */
export class Gathering implements Gathered {
  readonly published: { record: EventRecord; once: boolean }[] = []
  readonly statements: Statement[] = []
  readonly #host: CallHost
  readonly #saga: SagaDocument
  readonly #pending: Promise<unknown>[] = []
  #open = true

  constructor(host: CallHost, saga: SagaDocument) {
    this.#host = host
    this.#saga = saga
  }

  readonly publish = <Input, Data>(
    definition: EventDefinition<Input, Data>,
    data: Input,
    stamp: Stamp = {},
  ): Promise<PublishedInUnit> => {
    const preparing = (async () => {
      this.assertOpen()
      const { tenant, correlation, user } = this.#saga
      const record = await this.#host.publisher.prepare(definition.create(data), {
        ...(tenant === '' ? {} : { tenantId: tenant }),
        ...(correlation === undefined ? {} : { correlationId: correlation }),
        ...(user === undefined ? {} : { userId: user }),
        ...stamp,
      })
      this.published.push({ record, once: definition.dedup === 'content' })
      return { id: record.id }
    })()
    preparing.catch(() => {})
    this.#pending.push(preparing)
    return preparing
  }

  readonly write = (statement: Statement): void => {
    this.assertOpen()
    this.statements.push(statement)
  }

  /** Rejects with the first failure of what nobody has waited for. */
  async gathered(): Promise<void> {
    await Promise.all(this.#pending)
  }

  close(): void {
    this.#open = false
  }

  assertOpen(): void {
    if (!this.#open)
      throw new TidingsError('TIDINGS_WITHDRAWN', 'This call has been withdrawn: its function has returned already.')
  }
}

function resultOf(result: unknown): { readonly result?: never } {
  return result === undefined ? {} : { result: plain(result) as never }
}

export function failureOf(thrown: unknown): Extract<CallOutcome, { ok: false }> {
  const error = soundError(thrown)
  const verdict = verdictOf(error)
  return {
    ok: false,
    error: messageOf(error),
    permanent: verdict.kind === 'dead',
    ...(verdict.kind === 'unavailable' ? { unavailable: true } : {}),
    ...(verdict.kind === 'retry' && verdict.after !== undefined ? { after: verdict.after } : {}),
  }
}

function messageOf(error: unknown): string {
  if (isTidingsError(error)) return `${error.code}: ${error.message}`
  return error instanceof Error ? error.message : 'It threw something that is no error.'
}
