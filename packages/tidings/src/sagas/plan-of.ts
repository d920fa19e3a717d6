import type { AnyEventDefinition } from '../events/define-event.ts'
import { type Duration, milliseconds } from '../kernel/duration.ts'
import { Mistakes } from '../kernel/mistakes.ts'
import { type Backoff, backoffMistakes } from '../resilience/backoff.ts'
import type {
  CallRetryOptions,
  ParallelSteps,
  ReactingSagaOptions,
  SagaReaction,
  SagaStep,
  StepOptions,
  StepSagaOptions,
} from './define-saga.ts'
import { callNames, optionNames, stepNames, waitNames } from './saga-names.ts'
import type { CallPlan, ReactsPlan, SagaPlan, StepPlan } from './saga-plan.ts'
import { isStepName, stepNameRule } from './step-name.ts'

const sagaName = /^[A-Za-z0-9][A-Za-z0-9_-]{0,79}$/
const day = 86_400_000
const keepDefault = 30 * day

/** Fills in defaults. Throws one `TIDINGS_INVALID_OPTION` that names every mistake. */
export function planOf(name: string, options: StepSagaOptions<never> | ReactingSagaOptions<never, never>): SagaPlan {
  const mistakes = new Mistakes()
  mistakes.expect(
    typeof name === 'string' && sagaName.test(name),
    '`name` to be 1 to 80 letters, digits, `_` or `-`',
    name,
  )
  mistakes.expect(typeof options === 'object' && options !== null, 'options of a saga', options)
  mistakes.throwAny('Cannot define the saga')
  mistakes.refuseUnknown(options, optionNames(options))
  const { version = 1, correlate, concurrency, migrate, from = 'head' } = options
  mistakes.expect(
    Number.isSafeInteger(version) && version >= 1,
    '`version` to be a whole number of at least 1',
    version,
  )
  for (const [field, value] of Object.entries({ correlate, migrate }))
    mistakes.expect(value === undefined || typeof value === 'function', `\`${field}\` to be a function`, value)
  const starts = definitions('startsWith', options.startsWith, mistakes)
  const reacting = 'reacts' in options
  mistakes.expect(reacting !== 'steps' in options, 'either `steps` or `reacts`, with a `state`')
  const stages = reacting ? [] : stagesOf(options.steps, mistakes)
  const reacts = reacting ? reactsOf(options, mistakes) : undefined
  const steps = new Map(stages.flat().map((step) => [step.plan.name, step.plan]))
  const hears = new Map<string, AnyEventDefinition>()
  for (const one of [...starts, ...stages.flat().flatMap(({ hears: awaited }) => awaited), ...(reacts?.hears ?? [])])
    hears.set(one.type, one)
  const nextHears = options.nextHears === undefined ? [] : definitions('nextHears', options.nextHears, mistakes)
  for (const { type } of nextHears)
    mistakes.expect(!hears.has(type), '`nextHears` to name only events that this version does not hear', type)
  const timeout =
    options.timeout === 'never' ? Number.POSITIVE_INFINITY : time('timeout', options.timeout, undefined, mistakes)
  const keep = options.keep === 'forever' ? Number.POSITIVE_INFINITY : time('keep', options.keep, keepDefault, mistakes)
  mistakes.throwAny(`Cannot define saga ${JSON.stringify(name)}`, { saga: name })
  return Object.freeze({
    name,
    version,
    description: options.description,
    starts,
    hears: [...hears.values()],
    nextHears,
    keyOf: (correlate ?? ((event) => event.key)) as SagaPlan['keyOf'],
    timeout,
    keep: keep ?? keepDefault,
    from,
    concurrency,
    stages: stages.map((stage) => stage.map(({ plan }) => plan)),
    steps,
    reacts: reacts?.plan,
    migrate,
  })
}

interface ReadStep {
  readonly plan: StepPlan
  readonly hears: readonly AnyEventDefinition[]
}

function stagesOf(given: StepSagaOptions<never>['steps'], mistakes: Mistakes): readonly (readonly ReadStep[])[] {
  mistakes.expect(Array.isArray(given) && given.length > 0, '`steps` to be a list of at least one step', given)
  const names = new Set<string>()
  return (Array.isArray(given) ? (given as readonly (SagaStep<never> | ParallelSteps<never>)[]) : []).map((one, at) => {
    const isParallel = typeof one === 'object' && one !== null && 'parallel' in one
    const stage = isParallel ? one.parallel : [one]
    mistakes.expect(Array.isArray(stage) && stage.length > 0, `\`steps[${at}]\` to hold at least one step`)
    return stage.map((step) => readStep(step, `steps[${at}]`, names, mistakes))
  })
}

function readStep(step: SagaStep<never>, place: string, names: Set<string>, mistakes: Mistakes): ReadStep {
  const { name, options } = (step ?? {}) as Partial<SagaStep<never>>
  mistakes.expect(isStepName(name), `\`${place}\` to be named by ${stepNameRule}`, name)
  mistakes.expect(
    !names.has(String(name)),
    `each step to have a name of its own, got ${JSON.stringify(String(name).slice(0, 80))} twice`,
  )
  names.add(String(name))
  const said = (options ?? {}) as StepOptions<never>
  const field = String(name)
  mistakes.refuseUnknown(said, stepNames, `${field.slice(0, 80)}.`)
  mistakes.refuseUnknown(said.waitFor, waitNames, `${field.slice(0, 80)}.waitFor.`)
  mistakes.expect(typeof said.run === 'function', `\`run\` of step ${field} to be a function`, said.run)
  for (const member of ['compensate'] as const)
    mistakes.expect(
      said[member] === undefined || typeof said[member] === 'function',
      `\`${member}\` of step ${field} to be a function`,
      said[member],
    )
  const timeout = time(`${field}.timeout`, said.timeout, 30_000, mistakes) ?? 30_000
  mistakes.expect(timeout >= 1 && timeout <= day, `\`timeout\` of step ${field} to be 1 ms to 24 h`, said.timeout)
  const { waitFor } = said
  const hears = waitFor === undefined ? [] : definitions(`${field}.waitFor.event`, waitFor.event, mistakes)
  mistakes.expect(
    waitFor?.match === undefined || typeof waitFor.match === 'function',
    `\`waitFor.match\` of step ${field} to be a function`,
  )
  return {
    hears,
    plan: {
      name: field,
      run: said.run as StepPlan['run'],
      undo: said.compensate as StepPlan['undo'],
      wait:
        waitFor === undefined
          ? undefined
          : {
              types: hears.map(({ type }) => type),
              match: waitFor.match as NonNullable<StepPlan['wait']>['match'],
              timeout: time(`${field}.waitFor.timeout`, waitFor.timeout, undefined, mistakes),
            },
      calls: callPlan(`${field}.retry`, said.retry, 3, timeout, mistakes),
      undoCalls: callPlan(`${field}.retryCompensation`, said.retryCompensation, 10, timeout, mistakes),
    },
  }
}

function reactsOf(
  options: ReactingSagaOptions<never, never>,
  mistakes: Mistakes,
): { readonly plan: ReactsPlan; readonly hears: readonly AnyEventDefinition[] } {
  mistakes.expect(
    typeof options.state === 'function',
    '`state` to be a function of the event that starts it',
    options.state,
  )
  const reactions: unknown = typeof options.reacts === 'function' ? options.reacts(on) : undefined
  mistakes.expect(
    Array.isArray(reactions),
    '`reacts` to be a function that answers a list of reactions',
    options.reacts,
  )
  const hears: AnyEventDefinition[] = []
  const byType = new Map<string, ReactsPlan['on'] extends ReadonlyMap<string, infer One> ? One : never>()
  for (const [at, reaction] of (Array.isArray(reactions) ? (reactions as SagaReaction[]) : []).entries()) {
    mistakes.expect(typeof reaction?.react === 'function', `\`reacts[${at}]\` to be made by \`on\``, reaction)
    for (const definition of definitions(`reacts[${at}]`, reaction?.events, mistakes)) {
      mistakes.expect(!byType.has(definition.type), `one reaction to ${definition.type}`)
      byType.set(definition.type, reaction.react as never)
      hears.push(definition)
    }
  }
  const named = <One>(field: string, all: Readonly<Record<string, One>> | undefined): ReadonlyMap<string, One> => {
    for (const [name, one] of Object.entries(all ?? {})) {
      mistakes.expect(isStepName(name), `\`${field}\` to be named by ${stepNameRule}`, name)
      mistakes.expect(typeof one === 'function', `\`${field}.${name.slice(0, 80)}\` to be a function`, one)
    }
    return new Map(Object.entries(all ?? {}))
  }
  return {
    hears,
    plan: {
      initial: options.state as unknown as ReactsPlan['initial'],
      on: byType,
      timers: named('timers', options.timers) as ReactsPlan['timers'],
      signals: named('signals', options.signals) as ReactsPlan['signals'],
      compensate: named('compensate', options.compensate) as ReactsPlan['compensate'],
      calls: callPlan('retry', options.retry, 10, 30_000, mistakes),
    },
  }
}

function on(events: unknown, react: unknown): SagaReaction {
  return { events: Array.isArray(events) ? events : [events], react } as SagaReaction
}

function definitions(field: string, given: unknown, mistakes: Mistakes): readonly AnyEventDefinition[] {
  const all: readonly unknown[] = Array.isArray(given) ? given : [given]
  const fine = all.filter(
    (one): one is AnyEventDefinition => typeof (one as AnyEventDefinition | undefined)?.create === 'function',
  )
  mistakes.expect(
    all.length > 0 && fine.length === all.length,
    `\`${field}\` to be a definition made by defineEvent, or a list of those`,
    given,
  )
  return fine
}

function callPlan(
  field: string,
  retry: CallRetryOptions | undefined,
  tries: number,
  timeout: number,
  mistakes: Mistakes,
): CallPlan {
  mistakes.refuseUnknown(retry, callNames, `${field.slice(0, 80)}.`)
  const backoff: Backoff | undefined = retry?.backoff
  const said = retry?.tries ?? tries
  mistakes.expect(
    Number.isSafeInteger(said) && said >= 1,
    `\`${field}.tries\` to be a whole number of at least 1`,
    said,
  )
  mistakes.found.push(...backoffMistakes(backoff, `${field}.backoff`))
  return { tries: said, backoff, timeout }
}

function time(
  field: string,
  value: Duration | undefined,
  fallback: number | undefined,
  mistakes: Mistakes,
): number | undefined {
  return value === undefined ? fallback : mistakes.read(() => milliseconds(value, field), fallback)
}
