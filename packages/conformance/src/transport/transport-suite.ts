import type { TransportCapabilities } from 'tidings/spi'

import { type Case, choose, type Topic } from '../suite/case.ts'
import { settled } from '../suite/eventually.ts'
import { type Plan, type Prepared, type Runner, type RunOptions, registerCases, runCases } from '../suite/run-cases.ts'
import type { SuiteResult } from '../suite/suite-result.ts'
import { backPressure } from './back-pressure.ts'
import { closing } from './closing.ts'
import { declaredCapabilities } from './declared-capabilities.ts'
import { durabilityHas } from './durability-has.ts'
import { durabilityHasNot } from './durability-has-not.ts'
import { fanoutHearing } from './fanout-hearing.ts'
import { groupsHas } from './groups-has.ts'
import { groupsHasNot } from './groups-has-not.ts'
import { logGroups } from './log-groups.ts'
import { logReading } from './log-reading.ts'
import { orderHas } from './order-has.ts'
import { orderHasNot } from './order-has-not.ts'
import { publishing } from './publishing.ts'
import { queueOrder } from './queue-order.ts'
import { queueSettling } from './queue-settling.ts'
import { redeliveryHas } from './redelivery-has.ts'
import { redeliveryHasNot } from './redelivery-has-not.ts'
import { remembersHas } from './remembers-has.ts'
import { remembersHasNot } from './remembers-has-not.ts'
import { replayHas } from './replay-has.ts'
import { replayHasNot } from './replay-has-not.ts'
import { roundTrip } from './round-trip.ts'
import { inTransportWorld, type TransportBackend, type TransportWorld } from './transport-world.ts'

/** What every transport owes, whatever it declares. */
const everybody: readonly Topic<TransportWorld>[] = [declaredCapabilities, publishing, roundTrip, backPressure, closing]

const ofKind: Readonly<Record<TransportCapabilities['kind'], readonly Case<TransportWorld>[]>> = {
  log: logReading,
  queue: queueSettling,
  fanout: fanoutHearing,
}

export interface TestTransportOptions extends TransportBackend, RunOptions {
  /** `{ describe, it, afterAll }` of Vitest, or a runner with the same three. */
  readonly runner: Runner
}

/** Registers the suite of the `Transport` port with a test runner; the cases follow from the capabilities of an instance. */
export function testTransport(options: TestTransportOptions): void {
  registerCases(transportPlan(options), options.runner, options)
}

/** The same suite without a test runner: runs every case, one after another, and answers how each ended. */
export function runTransportSuite(backend: TransportBackend, options: RunOptions = {}): Promise<SuiteResult> {
  return runCases(transportPlan(backend), options)
}

function transportPlan(backend: TransportBackend): Plan<TransportWorld> {
  return {
    port: 'transport',
    backend: backend.name,
    prepare: async () => {
      const place = `probe-${process.pid}`
      const transport = await backend.create(place)
      const { capabilities } = transport
      await settled(transport.close(), 'close', { deadline: 5_000, advance: backend.advance }).catch(() => {})
      await backend.remove?.(place)
      return prepare(capabilities)
    },
    inWorld: (context, use) => inTransportWorld(backend, context, use),
  }
}

function prepare({
  kind,
  durability,
  groups,
  ordering,
  redelivery,
  replay,
  remembers = false,
}: TransportCapabilities): Prepared<TransportWorld> {
  const chosen = [
    choose('kind', kind, true, ofKind[kind], []),
    choose('durability', durability, durability !== 'memory', durabilityHas, durabilityHasNot),
    choose(
      'ordering',
      ordering,
      ordering !== 'none',
      kind === 'queue' ? [...orderHas, ...queueOrder] : orderHas,
      orderHasNot,
    ),
    choose('groups', groups, groups, kind === 'log' ? [...groupsHas, ...logGroups] : groupsHas, groupsHasNot),
    choose('redelivery', redelivery, redelivery, redeliveryHas, redeliveryHasNot),
    choose('replay', replay, replay, replayHas, replayHasNot),
    ...(kind === 'log' ? [choose('remembers', remembers, remembers, remembersHas, remembersHasNot)] : []),
  ]
  return { abilities: chosen.map((one) => one.capability), topics: [...everybody, ...chosen] }
}
