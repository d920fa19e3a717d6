export { virtualRuntime, type VirtualRuntime } from '../kernel/virtual-runtime.ts'
export { createTestBus, type Settled, type TestBus, type TestBusOptions, type TestWorld } from './create-test-bus.ts'
export type { Waiting } from './outstanding.ts'
export type { VirtualClock } from './virtual-clock.ts'
