import type { TransactionContext } from '../bus/event-bus.ts'
import type { EventDraft } from '../events/define-event.ts'
import type { Event } from '../events/event.ts'
import type { Duration } from '../kernel/duration.ts'
import { milliseconds } from '../kernel/duration.ts'
import { TidingsError } from '../kernel/errors.ts'
import { nameGuard } from '../kernel/mistakes.ts'
import { attribute } from '../prepare/attributes.ts'
import type { Stamp } from '../prepare/prepare.ts'
import { stampNames } from '../prepare/stamp-names.ts'
import type { Receipt } from '../publisher/receipt.ts'
import type { HandlerContext } from '../subscriber/handler-context.ts'

/** What a decider may return: nothing, one event, or several in their order. */
export type Decided = EventDraft | readonly EventDraft[] | undefined | null | void

/** What a decider is told beside the state. */
export interface DecisionContext {
  readonly key: string
  /** The version of the state. */
  readonly version: number
  /** 1 for the first try. */
  readonly attempt: number
}

/** Given the state, says what happens. Called again with the newer state whenever somebody else was faster. A throw writes nothing. */
export type Decider<State> = (state: State, context: DecisionContext) => Decided | Promise<Decided>

export interface DecideOptions extends Omit<Stamp, 'id'> {
  /** How often to decide before giving up with `TIDINGS_CONFLICT` because somebody else was faster each time. Default 20. */
  readonly tries?: number
  /**
   * The version the state must have, such as the one that a person has looked at; else `TIDINGS_CONFLICT`, and nothing is decided anew. Default: whatever
   * it is.
   */
  readonly expectedVersion?: number
  /**
   * Names the command. A command that has led to events is not carried out again, also where these are in the archive by now: the answer says `repeated`.
   * Their ids follow from it. Where their stream was deleted, the command is forgotten with it.
   */
  readonly commandId?: string
  /**
   * How long, from the call on, to wait behind other decisions of this process over the same stream, then `TIDINGS_DEADLINE`; and as with publish how long
   * to wait for a place under the rate limit or for a store that is away. Default 30 s.
   */
  readonly deadline?: Duration
  /**
   * The context of a handler, or of a transaction: the events join its unit, and what it stood on is checked in that commit. Then there are no receipts
   * yet.
   */
  readonly within?: HandlerContext | TransactionContext
}

export interface Decision<State> {
  /** After the decision. */
  readonly state: State
  /** Of that state. */
  readonly version: number
  /** What was decided, as it is written. */
  readonly events: readonly Event<unknown>[]
  /** One for each event; none where they joined the unit of a handler or of a transaction. */
  readonly receipts: readonly Receipt[]
  /** How often it was decided. */
  readonly attempts: number
  /** Set where the command of this `commandId` had been carried out before, or was by somebody else meanwhile: nothing was written, and the state is that of the log. */
  readonly repeated?: true
}

export const defaultTries = 20

const { id: _drawn, ...saidOfEach } = stampNames

const optionNames: Readonly<Record<keyof DecideOptions, true>> = Object.freeze({
  ...saidOfEach,
  tries: true,
  expectedVersion: true,
  commandId: true,
  deadline: true,
  within: true,
})

const refuseUnknown = nameGuard(optionNames)

/** Throws `TIDINGS_INVALID_OPTION` naming the option. What is said of the events themselves is checked with them. */
export function checkDecideOptions(options: DecideOptions): void {
  if (typeof options !== 'object' || options === null) throw invalid('options', 'to be an object')
  refuseUnknown('Cannot decide', options)
  const { tries, expectedVersion, commandId, deadline, within } = options
  if (tries !== undefined && !(Number.isSafeInteger(tries) && tries >= 1))
    throw invalid('tries', 'to be a whole number of at least 1')
  if (expectedVersion !== undefined && !(Number.isSafeInteger(expectedVersion) && expectedVersion >= 0))
    throw invalid('expectedVersion', 'to be a whole number of at least 0')
  if (commandId !== undefined) attribute('commandId', commandId)
  if (deadline !== undefined) milliseconds(deadline, 'deadline')
  if (within !== undefined && typeof (within as { join?: unknown } | null)?.join !== 'function')
    throw invalid('within', 'to be the context that a handler or a transaction was given')
}

/** The events of a decision as a list. Throws `TIDINGS_INVALID_EVENT` for what is none. */
export function draftsOf(decided: Decided): readonly EventDraft[] {
  if (decided === undefined || decided === null) return []
  const drafts = Array.isArray(decided) ? (decided as readonly EventDraft[]) : [decided as EventDraft]
  for (const draft of drafts) {
    if (typeof (draft as EventDraft | null)?.definition?.create !== 'function') {
      throw new TidingsError(
        'TIDINGS_INVALID_EVENT',
        'A decider must return nothing, what `create` of a definition returns, or a list of those.',
        { details: { field: 'event' } },
      )
    }
    if (draft.definition.dedup === 'content') {
      throw new TidingsError(
        'TIDINGS_INVALID_EVENT',
        `${draft.definition.type} must be without \`dedup\` to be decided: what was decided is written.`,
        { details: { field: 'dedup', type: draft.definition.type } },
      )
    }
  }
  return drafts
}

function invalid(field: string, rule: string): TidingsError {
  return new TidingsError('TIDINGS_INVALID_OPTION', `Expected \`${field}\` ${rule}.`, { details: { field } })
}
