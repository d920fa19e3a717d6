import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'

const places = '{packages,adapters,apps,services,examples,bench,tests,tools}'
const unbuilt = ['**/node_modules/**', '**/dist/**']

// Sources are tested as they are: the condition `source` leads to them, and Vitest hands it on to its workers.
const conditions = ['source', 'module', 'node', 'development|production']
const source = { resolve: { conditions }, ssr: { resolve: { conditions } } }

const unit: TestProjectInlineConfiguration = {
  ...source,
  test: {
    name: 'unit',
    include: [`${places}/**/*.test.ts`],
    exclude: [...unbuilt, '**/*.int.test.ts', '**/*.e2e.test.ts'],
    // Unit tests share no state through modules, so one module graph per worker will do: nine times faster.
    isolate: false,
    pool: 'threads',
    testTimeout: 30_000,
  },
}

const integration: TestProjectInlineConfiguration = {
  ...source,
  test: {
    name: 'integration',
    include: [`${places}/**/*.int.test.ts`],
    exclude: unbuilt,
    pool: 'forks',
    testTimeout: 60_000,
    // Real servers on a machine that is busy with others; the closing lines name what needed it.
    retry: 1,
    // What other processes do takes as long as the machine is busy.
    expect: { poll: { timeout: 10_000, interval: 20 } },
    hookTimeout: 120_000,
    sequence: { groupOrder: 1 },
  },
}

const e2e: TestProjectInlineConfiguration = {
  ...source,
  test: {
    name: 'e2e',
    include: [`${places}/**/*.e2e.test.ts`],
    exclude: unbuilt,
    pool: 'forks',
    // Each is a platform of several processes, and most of its time is waited for; of three at once each would be too slow.
    maxWorkers: 2,
    retry: 1,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    sequence: { groupOrder: 2 },
  },
}

export default defineConfig({
  test: {
    globalSetup: ['tools/test-setup.ts'],
    reporters: ['default', './tools/closing-line-reporter.ts'],
    // More than there are processors on a small machine: most of what is tested with real servers is waited for.
    maxWorkers: 3,
    projects: [unit, integration, e2e],
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**/*.ts', 'adapters/*/src/**/*.ts'],
      exclude: ['**/*.test.ts'],
    },
  },
})
