export { type VirtualRuntime, virtualRuntime } from '../kernel/virtual-runtime.ts'
export { type CommitPlace, commitPlaces } from './commit-places.ts'
export {
  type CrashEverywhereOptions,
  type CrashedEverywhere,
  type CrashKind,
  type CrashPlace,
  crashEverywhere,
  crashKinds,
} from './crash-everywhere.ts'
export { createTestBus, type Settled, type TestBus, type TestBusOptions, type TestWorld } from './create-test-bus.ts'
export { type FaultKind, type FaultPlace, FaultPlan, type FaultRule, faultKinds } from './fault-plan.ts'
export { faultyStore } from './faulty-store.ts'
export { faultyTransport } from './faulty-transport.ts'
export type { Waiting } from './outstanding.ts'
export { type ProcessRuntime, processRuntime } from './process-runtime.ts'
export { type ProjectionSpec, projectionSpec } from './projection-spec.ts'
export { type SagaOutcome, type SagaScenario, sagaScenario } from './saga-scenario.ts'
export { type Deciding, type Given, given } from './scenario.ts'
export type { VirtualClock } from './virtual-clock.ts'
