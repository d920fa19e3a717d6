import { defineConfig } from 'vitest/config'

/** A run on purpose half broken, for the test of the reporter. Named `.spec.ts`, so that no other run finds it. */
export default defineConfig({ test: { include: ['*.spec.ts'], sequence: { shuffle: false }, fileParallelism: false } })
