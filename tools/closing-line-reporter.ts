import { writeSync } from 'node:fs'
import { relative } from 'node:path'
import type { Reporter, TestCase, TestModule, TestSuite, Vitest } from 'vitest/node'
import { missingServers } from './servers/missing.ts'
import { titles } from './servers/server-names.ts'

declare module 'vitest' {
  interface TaskMeta {
    /** Why a suite is not run here: `describe('…', { skip: true, meta: { notRun: 'PostgreSQL is not running' } }, …)`. */
    notRun?: string
  }
}

export interface Outcome {
  passed: number
  failed: number
  skipped: number
  /** One line for each suite of which no test ran, with the reason. */
  notRun: string[]
  /** Tests that passed at a later try only. */
  retried?: string[]
}

const didNotStart: Outcome = { passed: 0, failed: 1, skipped: 0, notRun: ['all tests: the run did not start'] }

/**
 * Ends every run with one line for people and machines: `N passed, N failed`, and `, N skipped` when some were.
 * Above it stand the suites that did not run and why, the servers that could not be had, and the tests that passed at a second try only, so
 * that a green run never hides one that is missing, or that leans on luck.
 * What breaks outside a test (an import, a hook, an unhandled rejection) counts as failed.
 */
export default class ClosingLineReporter implements Reporter {
  #root = process.cwd()
  #watching = false
  #filtered = false
  #outcome: Outcome | undefined

  onInit(vitest: Vitest): void {
    this.#root = vitest.config.root
    this.#watching = vitest.config.watch
    this.#filtered = vitest.config.testNamePattern !== undefined
    // At exit, because coverage and other reporters still print after the run has ended.
    if (!this.#watching) process.once('exit', () => this.#print())
  }

  onTestRunStart(): void {
    this.#outcome = undefined
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    this.#outcome = outcomeOf(modules, unhandledErrors.length, this.#root)
    for (const [name, reason] of missingServers())
      this.#outcome.notRun.push(`${titles[name]}: ${reason.split('\n', 1)[0]}`)
    // Whoever asks for some tests by name knows that the others do not run.
    if (this.#filtered) this.#outcome.notRun = []
    if (this.#watching) this.#print()
  }

  #print(): void {
    const ran = this.#outcome !== undefined && this.#outcome.passed + this.#outcome.failed + this.#outcome.skipped > 0
    const failedToStart = !ran && (process.exitCode ?? 0) !== 0
    const outcome = failedToStart || !this.#outcome ? didNotStart : this.#outcome
    writeSync(1, closingLines(outcome).join('\n') + '\n')
  }
}

export function closingLines(outcome: Outcome): string[] {
  const skipped = outcome.skipped > 0 ? `, ${outcome.skipped} skipped` : ''
  return [
    ...(outcome.notRun.length > 0 ? ['Not run:', ...outcome.notRun.map((line) => `  ${line}`)] : []),
    ...((outcome.retried?.length ?? 0) > 0
      ? ['Passed at the second try only:', ...(outcome.retried ?? []).map((line) => `  ${line}`)]
      : []),
    `${outcome.passed} passed, ${outcome.failed} failed${skipped}`,
  ]
}

export function outcomeOf(modules: readonly TestModule[], unhandledErrors: number, root: string): Outcome {
  const outcome: Outcome = { passed: 0, failed: unhandledErrors, skipped: 0, notRun: [] }
  for (const module of modules) {
    const file = relative(root, module.moduleId)
    outcome.failed += module.errors().length
    for (const suite of module.children.allSuites()) outcome.failed += suite.errors().length
    for (const test of module.children.allTests()) {
      const state = test.result().state
      if (state === 'passed' && (test.diagnostic()?.retryCount ?? 0) > 0)
        outcome.retried = [...(outcome.retried ?? []), `${file} > ${test.fullName}`]
      if (state === 'passed') outcome.passed++
      else if (state === 'failed') outcome.failed++
      else outcome.skipped++
    }
    if (module.errors().length > 0) outcome.notRun.push(`${file}: it failed to load`)
    else outcome.notRun.push(...unrun(module, file))
  }
  return outcome
}

/** The outermost suites of which every test was skipped. */
function unrun(parent: TestModule | TestSuite, path: string): string[] {
  const tests = [...parent.children.allTests()]
  if (tests.length > 0 && tests.every((test) => test.result().state === 'skipped'))
    return [`${path}: ${reasonFor(parent, tests)}`]
  return [...parent.children.suites()].flatMap((suite) => unrun(suite, `${path} > ${suite.name}`))
}

function reasonFor(parent: TestModule | TestSuite, tests: readonly TestCase[]): string {
  const reasons = new Set<string>()
  const collect = (notRun: string | undefined): unknown => notRun !== undefined && reasons.add(notRun)
  collect(parent.meta().notRun)
  for (const suite of parent.children.allSuites()) collect(suite.meta().notRun)
  for (const test of tests) {
    const result = test.result()
    collect(result.state === 'skipped' ? (result.note ?? test.meta().notRun) : undefined)
  }
  if (parent.type === 'suite' && parent.errors().length > 0) reasons.add('a hook of it failed')
  return reasons.size > 0 ? [...reasons].join('; ') : 'marked to be skipped, no reason given'
}
