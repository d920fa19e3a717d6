import { realRuntime, virtualRuntime } from 'tidings/spi'
import { afterAll, describe, it } from 'vitest'

import { testTransport } from './index.ts'
import { logBackend } from './transport/log-backend.ts'

const runner = { describe, it, afterAll }

// Under the virtual clock seconds cost nothing; with the real one the same suite meets real timers.
testTransport({ ...logBackend('log over memory', virtualRuntime()), runner })

testTransport({ ...logBackend('log over memory, real time', realRuntime(), { lease: 400, poll: 20 }), runner })

testTransport({ ...logBackend('log over memory, small pages', virtualRuntime(), { page: 3, window: 5 }, 3), runner })
