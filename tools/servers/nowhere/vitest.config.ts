import { defineConfig } from 'vitest/config'

/** A run without any server, for the test of what it says. Named `.spec.ts`, so that no other run finds it. */
export default defineConfig({ test: { include: ['*.spec.ts'], globalSetup: ['../../test-setup.ts'] } })
