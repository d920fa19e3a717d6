import type { Runtime } from '../kernel/runtime.ts'
import type { SagaStatus } from '../sagas/saga-document.ts'
import type { Store } from '../store/store.ts'
import { type AskedSaga, type AskSagaOptions, askSaga, checkedData } from './ask-saga.ts'
import { countSagas, listSagas, type SagaPage, type SagaQuery } from './saga-listing.ts'
import type { ShowOptions } from './show-parked.ts'
import { type SagaDetail, type SagaName, showSaga } from './show-saga.ts'

/** What operators ask and do about sagas. What is asked goes to the saga as an event, so that it races with nothing. */
export interface SagaOperations {
  /** Stuck ones first, then those under way, the longest untouched first. */
  list(query?: SagaQuery): Promise<SagaPage>
  /** How many there are of each status, counted up to `most`, default 10,000. */
  counts(query?: { readonly saga?: string; readonly most?: number }): Promise<Readonly<Record<SagaStatus, number>>>
  /** Steps, those to come included, timers, and the history of its state. */
  show(name: SagaName, options?: ShowOptions): Promise<SagaDetail>
  /** One that runs compensates, and ends. */
  cancel(name: SagaName, options?: AskSagaOptions & { readonly why?: string | undefined }): Promise<AskedSaga>
  /** A stuck one tries the compensation that has failed again; `skip`: somebody has taken it back by hand. */
  resume(name: SagaName, options?: AskSagaOptions & { readonly skip?: boolean | undefined }): Promise<AskedSaga>
  /**
   * What waits for another try is tried now, and so is a call that nobody has told the end of for a minute beyond its timeout; of one step where given. A
   * stuck one resumes.
   */
  retry(name: SagaName, options?: AskSagaOptions & { readonly step?: string | undefined }): Promise<AskedSaga>
  /** A step that waits for an event is told that it has happened, with its data; a saga that reacts runs its reaction to the signal. */
  signal(
    name: SagaName,
    signal: { readonly name: string; readonly data?: unknown },
    options?: AskSagaOptions,
  ): Promise<AskedSaga>
}

export function sagaOperations(store: Store, runtime: Runtime): SagaOperations {
  return {
    list: (query) => listSagas(store, runtime, query),
    counts: ({ saga, most = 10_000 } = {}) => countSagas(store, saga, most),
    show: (name, options) => showSaga(store, runtime, name, options),
    cancel: (name, { why, ...options } = {}) =>
      askSaga(store, runtime, name, { what: 'cancel', ...(why === undefined ? {} : { why }) }, options),
    resume: (name, { skip = false, ...options } = {}) =>
      askSaga(store, runtime, name, { what: 'resume', skip }, options),
    retry: (name, { step, ...options } = {}) =>
      askSaga(store, runtime, name, { what: 'retry', ...(step === undefined ? {} : { step }) }, options),
    signal: (name, signal, options) =>
      askSaga(store, runtime, name, { what: 'signal', name: signal.name, data: checkedData(signal.data) }, options),
  }
}
