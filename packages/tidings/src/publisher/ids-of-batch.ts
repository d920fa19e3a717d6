import { TidingsError } from '../kernel/errors.ts'
import type { PublishOptions } from './publish-options.ts'

/** Throws `TIDINGS_INVALID_OPTION` where a publish of one event names `ids`. */
export function refuseIdsOfOne({ ids }: PublishOptions): void {
  if (ids !== undefined) throw invalid('Expected `ids` with a batch; a single event takes `id`.')
}

/** Throws `TIDINGS_INVALID_OPTION` where `ids` are given, but not one for each event of the batch. */
export function refuseOtherCount({ ids }: PublishOptions, events: number): void {
  if (ids !== undefined && ids.length !== events)
    throw invalid(`Expected \`ids\` to name the ${events} events of the batch, got ${ids.length}.`)
}

function invalid(message: string): TidingsError {
  return new TidingsError('TIDINGS_INVALID_OPTION', message, { details: { field: 'ids' } })
}
