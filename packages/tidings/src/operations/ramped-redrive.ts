import { milliseconds } from '../kernel/duration.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { Asked, AskOptions } from './ask-owners.ts'
import type { FollowOptions, FollowProgress } from './follow-requests.ts'
import type { ParkedFilter } from './parked-filter.ts'

export interface RampOptions extends Omit<AskOptions, 'dryRun' | 'limit' | 'except'> {
  /** How many to redrive at each step; the last number repeats until nothing is left. Default 1, 10, 100. */
  readonly ramp?: readonly number[] | undefined
  /** Ends the ramp once this many have failed again. Default 1. */
  readonly stopAfterFailures?: number | undefined
  /** How long one step may take. Default 30 s. */
  readonly deadline?: FollowOptions['deadline']
  readonly signal?: AbortSignal | undefined
}

export interface RampStep {
  /** From 1. */
  readonly step: number
  readonly asked: number
  readonly handled: number
  readonly failed: number
  /** Over all steps so far. */
  readonly total: { readonly asked: number; readonly handled: number; readonly failed: number }
  /**
   * True at the last step. `done`: nothing is left. `failures`: too many failed again. `unsettled`: some of this step had no end by its deadline.
   * `unowned`: no instance is there to carry requests out; those of this step stay.
   */
  readonly ended?: 'done' | 'failures' | 'unsettled' | 'unowned'
  readonly outcomes: FollowProgress['outcomes']
}

/** What a ramp is made of; so that it can be followed from anywhere. */
export interface RampParts {
  redrive(filter: ParkedFilter, options: AskOptions): Promise<Asked>
  follow(requests: readonly string[], options: FollowOptions): AsyncIterable<FollowProgress>
}

/**
 * Redrives a few, looks how they fare, then more: so that a thousand events which would only fail again are not tried. Each step is an action of
 * its own in the audit. No event is tried twice by one ramp.
 */
export async function* rampedRedrive(
  parts: RampParts,
  filter: ParkedFilter,
  options: RampOptions = {},
): AsyncGenerator<RampStep> {
  const { ramp = [1, 10, 100], stopAfterFailures = 1, deadline = 30_000, signal, ...ask } = options
  checkOptions(ramp, stopAfterFailures)
  milliseconds(deadline, 'deadline')
  const tried = new Set<string>()
  const total = { asked: 0, handled: 0, failed: 0 }
  for (let step = 1; ; step++) {
    const size = ramp[Math.min(step, ramp.length) - 1] as number
    const asked = await parts.redrive(filter, { ...ask, limit: size, except: tried })
    for (const request of asked.requests) tried.add(request.slice(0, request.lastIndexOf('/')))
    let last: FollowProgress | undefined
    for await (const progress of parts.follow(asked.requests, { deadline, signal })) last = progress
    const handled = last?.counts.handled ?? 0
    const failed = last?.counts.failed ?? 0
    total.asked += asked.requests.length
    total.handled += handled
    total.failed += failed
    const ended = total.failed >= stopAfterFailures ? 'failures' : endOf(asked, last)
    const { requests } = asked
    yield {
      step,
      asked: requests.length,
      handled,
      failed,
      total: { ...total },
      outcomes: last?.outcomes ?? [],
      ...(ended === undefined ? {} : { ended }),
    }
    if (ended !== undefined) return
  }
}

function endOf(asked: Asked, last: FollowProgress | undefined): RampStep['ended'] {
  if (last?.ended === 'unowned') return 'unowned'
  if (last?.ended === 'deadline') return 'unsettled'
  return asked.more ? undefined : 'done'
}

function checkOptions(ramp: readonly number[], stopAfterFailures: number): void {
  const whole = (value: number): boolean => Number.isInteger(value) && value >= 1
  if (ramp.length === 0 || !ramp.every(whole))
    throw invalid('ramp', 'must be one whole number of at least 1, or several')
  if (!whole(stopAfterFailures)) throw invalid('stopAfterFailures', 'must be a whole number of at least 1')
}

function invalid(field: string, rule: string): TidingsError {
  return new TidingsError('TIDINGS_INVALID_OPTION', `\`${field}\` ${rule}.`, { details: { field, rule } })
}
