import { plainRecord } from '../events/record-codec.ts'
import { TidingsError } from '../kernel/errors.ts'
import { type Runtime, sleep } from '../kernel/runtime.ts'
import { isSqlStore, type SqlStore } from '../store/sql-store.ts'
import type { Store, Unit } from '../store/store.ts'
import { placesOf } from './commit-places.ts'
import type { FaultKind, FaultPlace, FaultPlan } from './fault-plan.ts'
import { isProcessRuntime } from './process-runtime.ts'

const ofCommits: ReadonlySet<FaultKind> = new Set([
  'delay',
  'fail',
  'lose answer',
  'apply late',
  'crash before',
  'crash after',
])
const ofReads: ReadonlySet<FaultKind> = new Set(['delay', 'fail', 'crash reading'])
const ofWakes: ReadonlySet<FaultKind> = new Set(['delay', 'lose', 'repeat'])
const reading: ReadonlySet<FaultPlace> = new Set(['read'])
const finding: ReadonlySet<FaultPlace> = new Set(['find'])
const waking: ReadonlySet<FaultPlace> = new Set(['wake'])
const beginning: ReadonlySet<FaultPlace> = new Set(['mark'])

/**
 * A store as one process sees it when things go wrong. It keeps every promise of the port: what it answers as committed is, what it
 * answers as not applied never was, and what it does not know it says so. Where `runtime` is a process that is stopped or dead,
 * answers wait, or never come.
 */
export function faultyStore(store: Store, runtime: Runtime, plan: FaultPlan): Store {
  const never = new Promise<never>(() => {})
  const outside = isProcessRuntime(runtime) ? runtime.outside : runtime

  /** Lets an answer through when the process can take it. */
  const answer = async <T>(result: Promise<T>): Promise<T> => {
    let outcome: { value: T } | { error: unknown }
    try {
      outcome = { value: await result }
    } catch (error) {
      outcome = { error }
    }
    if (plan.crashed) return never
    const gate = isProcessRuntime(runtime) ? runtime.gate() : undefined
    if (gate !== undefined) await gate
    if ('error' in outcome) throw outcome.error
    return outcome.value
  }

  const commit = async <T>(
    units: readonly Unit[],
    apply: (units: readonly Unit[]) => Promise<T>,
    undo?: () => Promise<void>,
  ): Promise<T> => {
    if (plan.crashed) return never
    const { delay, what, late } = plan.strike(runtime, ofCommits, placesOf(units))
    if (delay > 0) await answer(sleep(outside, delay))
    switch (what) {
      case undefined:
        return answer(apply(units))
      case 'lose answer':
        await answer(apply(units))
        throw unknown()
      case 'apply late':
        // Somebody may have repeated it before it arrives, so its ids are no news then.
        void sleep(outside, late)
          .then(() => apply(units.map(aged)))
          .catch(() => {})
        await answer(outsideTurn(outside))
        throw unknown()
      case 'crash before':
        plan.crash()
        return never
      case 'crash after':
        await apply(units)
        plan.crash()
        return never
      default:
        await undo?.()
        await answer(outsideTurn(outside))
        throw new TidingsError('TIDINGS_STORE_UNAVAILABLE', 'An injected fault: nothing was applied.')
    }
  }

  const read = async <T>(places: ReadonlySet<FaultPlace>, call: () => Promise<T>): Promise<T> => {
    if (plan.crashed) return never
    const { delay, what } = plan.strike(runtime, ofReads, places)
    if (delay > 0) await answer(sleep(outside, delay))
    if (what === undefined) return answer(call())
    if (what === 'crash reading') {
      plan.crash()
      return never
    }
    await answer(outsideTurn(outside))
    throw new TidingsError('TIDINGS_STORE_UNAVAILABLE', 'An injected fault: nothing was read.')
  }

  const faulty: Store = {
    capabilities: store.capabilities,
    commit: (units) => commit(units, (applied) => store.commit(applied)),
    readStream: (stream, query) => read(reading, () => store.readStream(stream, query)),
    readAll: (query) => read(reading, () => store.readAll(query)),
    find: (collection, query) => read(finding, () => store.find(collection, query)),
    watch: (wake) =>
      store.watch(() => {
        if (plan.crashed) return
        const { delay, what } = plan.strike(runtime, ofWakes, waking)
        if (what === 'lose') return
        if (delay > 0) runtime.setTimer(delay, wake)
        else if (isProcessRuntime(runtime) && runtime.state !== 'running') runtime.defer(wake)
        else wake()
        if (what === 'repeat') runtime.defer(wake)
      }),
    prune: (query) => read(reading, () => store.prune(query)),
    close: () => (plan.crashed ? never : store.close()),
  }
  if (!isSqlStore(store)) return faulty
  const sql: SqlStore = {
    ...faulty,
    query: (statement) => read(finding, () => store.query(statement)),
    begin: (options) =>
      read(beginning, async () => {
        const transaction = await store.begin(options)
        return {
          query: (statement) => read(finding, () => transaction.query(statement)),
          commit: (unit) =>
            commit(
              [unit],
              () => transaction.commit(unit),
              () => transaction.rollback(),
            ),
          rollback: () => (plan.crashed ? never : transaction.rollback()),
        }
      }),
  }
  return sql
}

function unknown(): TidingsError {
  return new TidingsError('TIDINGS_COMMIT_UNKNOWN', 'An injected fault: the answer to this commit is lost.')
}

/** Failures come in a later turn, as they would from a socket. */
function outsideTurn(runtime: Runtime): Promise<void> {
  return new Promise((resolve) => runtime.defer(resolve))
}

function aged(unit: Unit): Unit {
  return unit.append === undefined
    ? unit
    : {
        ...unit,
        append: unit.append.map((record) =>
          record.fresh === true ? { ...plainRecord(record), fresh: false } : record,
        ),
      }
}
