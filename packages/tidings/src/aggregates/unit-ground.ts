import type { BusParts } from '../bus/bus-parts.ts'
import { keepingTypes } from '../bus/kept-types.ts'
import { TidingsError } from '../kernel/errors.ts'
import { type StreamName, streamText } from '../store/store.ts'
import type { OpenUnit } from '../subscriber/open-unit.ts'
import type { Aggregate } from './define-aggregate.ts'
import { fold } from './fold.ts'
import { pendingIn } from './join-unit.ts'
import { holdTypes, isHeld, readState, type StreamState } from './stream-state.ts'
import { decisionsOf, type Pending } from './unit-decisions.ts'

type Parts = Pick<BusParts, 'store' | 'log' | 'reading'>

/** Where a stream stands for a unit: as the store has it, and beyond that what the unit itself has decided. */
export async function readInUnit(
  parts: Parts,
  unit: OpenUnit,
  aggregate: Aggregate,
  stream: StreamName,
): Promise<StreamState<unknown>> {
  await decisionsOf(unit).quiet()
  const pending = pendingIn(unit, aggregate, streamText(stream))
  const hold = (types: Iterable<string>): Promise<void> => holdInUnit(parts, unit, aggregate, types)
  if (pending === undefined) return readState(parts, aggregate, stream, { hold })
  return pending.aggregate === aggregate ? pending : foldPending(parts, aggregate, pending, hold)
}

/** As `holdTypes`. Where the unit holds the transaction of the only writer open, another commit would wait for it, so the note joins the unit. */
export async function holdInUnit(
  { store }: Pick<BusParts, 'store'>,
  unit: OpenUnit,
  aggregate: Aggregate,
  types: Iterable<string>,
): Promise<void> {
  if (!unit.holding || store.capabilities.sql !== 'sqlite') return holdTypes(store, aggregate, types)
  if (isHeld(store, aggregate, types)) return
  const { category, definitions } = aggregate
  const decisions = decisionsOf(unit)
  await decisions.alone(async () => {
    const kept = decisions.kept.get(category)
    const all = new Set([...(kept ?? []), ...(definitions?.keys() ?? []), ...types])
    if (all.size === kept?.size) return
    const keeping = await keepingTypes(store, category, [...all])
    decisions.kept.set(category, all)
    if (keeping !== undefined) unit.join(keeping)
  })
}

/** Another aggregate has decided over the same stream: its events count, its state does not. */
async function foldPending<State>(
  parts: Parts,
  aggregate: Aggregate<State>,
  { first, events, stream }: Pending,
  hold: (types: Iterable<string>) => Promise<void>,
): Promise<StreamState<State>> {
  const { version: upTo, known } = first.base
  const read = await readState(parts, aggregate, stream, { upTo, hold })
  if (read.version !== upTo || read.known.version !== known.version) {
    throw new TidingsError(
      'TIDINGS_CONFLICT',
      `A stream of ${stream.category} was changed after it was decided over.`,
      {
        details: { category: stream.category, expected: upTo, actual: read.version },
      },
    )
  }
  let { state, version } = read
  for (const event of events) state = fold(aggregate, state, event, ++version)
  return { ...read, state, version }
}
