import { testStore } from '@tidings/conformance'
import { memoryStore } from 'tidings/spi'
import { afterAll, describe, it } from 'vitest'

const runner = { describe, it, afterAll }

testStore({ name: 'memory', runner, create: () => memoryStore() })

testStore({ name: 'memory, one partition', runner, create: () => memoryStore({ partitions: 1 }) })
