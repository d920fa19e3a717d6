import type { Names } from '../kernel/mistakes.ts'
import type {
  CallRetryOptions,
  ReactingSagaOptions,
  SagaCommonOptions,
  StepOptions,
  StepSagaOptions,
} from './define-saga.ts'

const commonNames: Readonly<Record<keyof SagaCommonOptions<never>, true>> = {
  version: true,
  startsWith: true,
  correlate: true,
  timeout: true,
  keep: true,
  from: true,
  concurrency: true,
  migrate: true,
  nextHears: true,
  description: true,
}

const namesWithSteps: Readonly<Record<keyof StepSagaOptions<never>, true>> = { ...commonNames, steps: true }

const namesOfReacting: Readonly<Record<keyof ReactingSagaOptions<never, never>, true>> = {
  ...commonNames,
  state: true,
  reacts: true,
  timers: true,
  signals: true,
  compensate: true,
  retry: true,
}

/** What may be said of a saga of this shape. Where it has both, that is the mistake. */
export function optionNames(options: object): Names {
  if ('steps' in options && 'reacts' in options) return { ...namesWithSteps, ...namesOfReacting }
  return 'reacts' in options ? namesOfReacting : namesWithSteps
}

export const stepNames: Readonly<Record<keyof StepOptions<never>, true>> = {
  run: true,
  waitFor: true,
  compensate: true,
  retry: true,
  retryCompensation: true,
  timeout: true,
}

export const waitNames: Readonly<Record<keyof NonNullable<StepOptions<never>['waitFor']>, true>> = {
  event: true,
  match: true,
  timeout: true,
}

export const callNames: Readonly<Record<keyof CallRetryOptions, true>> = { tries: true, backoff: true }
