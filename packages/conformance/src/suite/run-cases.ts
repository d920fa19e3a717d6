import { capabilityTable } from './capability-table.ts'
import { type Ability, type Case, caseName, type Topic } from './case.ts'
import { seedFrom, seedOfCase } from './seed.ts'
import type { CaseResult, SuiteResult } from './suite-result.ts'
import { type Size, sizeFrom, type Volumes, volumesOf } from './volumes.ts'

/** What the suites need of a test runner. That of Vitest fits, and that of node:test. */
export interface Runner {
  describe(name: string, define: () => void | Promise<void>): unknown
  /** `timeout` in milliseconds; a runner that takes none is fine, for no case outlives its own deadline. */
  it(name: string, run: () => Promise<void>, timeout: number): unknown
  afterAll(run: () => void | Promise<void>): unknown
}

/** A suite that has met its backend: what it declares, and the cases that follow from it. */
export interface Prepared<World> {
  readonly abilities: readonly Ability[]
  readonly topics: readonly Topic<World>[]
}

export interface Plan<World> {
  readonly port: SuiteResult['port']
  readonly backend: string
  /** Looks at an instance and chooses the cases. */
  prepare(): Promise<Prepared<World>>
  /** Opens a world of its own for one case, runs it, and ends whatever it opened. */
  inWorld(context: CaseContext, use: (world: World) => Promise<void>): Promise<void>
}

/** What a case is given by the run it belongs to. */
export interface CaseContext {
  readonly seed: number
  readonly volumes: Volumes
}

export interface RunOptions {
  /** Default: as TIDINGS_CONFORMANCE says. */
  readonly size?: Size
  /** Replaces single volumes of that size. */
  readonly volumes?: Partial<Volumes>
  readonly seed?: number
}

/** Runs all cases one after another, without a test runner. */
export async function runCases<World>(plan: Plan<World>, options: RunOptions = {}): Promise<SuiteResult> {
  const seed = options.seed ?? seedFrom()
  const volumes = { ...volumesOf(options.size ?? sizeFrom()), ...options.volumes }
  const { abilities, topics } = await plan.prepare()
  const cases: CaseResult[] = []
  for (const topic of topics) {
    for (const one of topic.cases) cases.push(await settle(plan, topic, one, { seed, volumes }))
  }
  return { port: plan.port, backend: plan.backend, seed, abilities, cases }
}

/** Hands the cases to a test runner, and prints the table of capabilities when they are done. */
export function registerCases<World>(plan: Plan<World>, runner: Runner, options: RunOptions = {}): void {
  const size = options.size ?? sizeFrom()
  const first = options.seed ?? seedFrom()
  const volumes = { ...volumesOf(size), ...options.volumes }
  for (let round = 0; round < volumes.rounds; round++) {
    const seed = first + round
    runner.describe(`${plan.port} ${plan.backend} (${size}, seed ${seed})`, async () => {
      const { abilities, topics } = await plan.prepare()
      const cases: CaseResult[] = []
      for (const topic of topics) {
        runner.describe(topic.name, () => {
          for (const one of topic.cases) {
            runner.it(
              caseName(one),
              async () => {
                const result = await settle(plan, topic, one, { seed, volumes })
                cases.push(result)
                if (result.error !== undefined) throw result.error
              },
              volumes.deadline + 10_000,
            )
          }
        })
      }
      runner.afterAll(() => {
        const result: SuiteResult = { port: plan.port, backend: plan.backend, seed, abilities, cases }
        console.log(`${size}, TIDINGS_CONFORMANCE_SEED=${seed}\n${capabilityTable([result])}`)
      })
    })
  }
}

async function settle<World>(
  plan: Plan<World>,
  topic: Topic<World>,
  one: Case<World>,
  context: CaseContext,
): Promise<CaseResult> {
  const { promise, title } = one
  const done = { topic: topic.name, promise, title, capability: topic.capability }
  try {
    const running = plan.inWorld({ ...context, seed: seedOfCase(context.seed, caseName(one)) }, one.run)
    await within(context.volumes.deadline, running)
    return done
  } catch (error) {
    return { ...done, error: error instanceof Error ? error : new Error(`It rejected with ${String(error)}.`) }
  }
}

/** Real time, also where the adapter lives under a virtual clock: this is what ends a case that hangs. */
function within(deadline: number, running: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`The case did not end within ${deadline} ms.`)), deadline)
    running.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
