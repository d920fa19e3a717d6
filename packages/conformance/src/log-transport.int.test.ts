import { memoryStore, realRuntime, virtualRuntime } from 'tidings/spi'
import { afterAll, describe, it } from 'vitest'

import { logBackend, sharedByPlace, testTransport } from './index.ts'

const runner = { describe, it, afterAll }
const store = sharedByPlace(() => memoryStore())
const few = sharedByPlace(() => memoryStore({ partitions: 3 }))
const small = { page: 3, window: 5 }

// Under the virtual clock seconds cost nothing; with the real one the same suite meets real timers.
testTransport({ ...logBackend({ name: 'log over memory', runtime: virtualRuntime(), store }), runner })
testTransport({
  ...logBackend({ name: 'log over memory, small pages', runtime: virtualRuntime(), store: few, log: small }),
  runner,
})
testTransport({
  ...logBackend({ name: 'log over memory, real time', runtime: realRuntime(), store, log: { lease: 400, poll: 20 } }),
  runner,
})
testTransport({
  ...logBackend({ name: 'log over memory, remembering', runtime: virtualRuntime(), store, progress: 'all' }),
  runner,
})
