import { headOf } from '../bus/registration.ts'
import type { Runtime } from '../kernel/runtime.ts'
import type { Position, StoreCapabilities } from '../store/store.ts'
import { type Finding, findingsOf } from './findings.ts'
import { type InboxOverview, inboxOverview } from './inbox-overview.ts'
import { type OverviewOptions, type OverviewParts, overviewOf, type SubscriptionOverview } from './overview.ts'
import type { Instance } from './owners.ts'
import { sagaFindings } from './saga-findings.ts'

/** How things stand, in one answer. */
export interface Status {
  /** When it was asked, milliseconds since 1970. */
  readonly at: number
  readonly store: StoreCapabilities & {
    /** Position of the last event. */
    readonly head: Position
    /** How long reading the head took, in milliseconds. */
    readonly answersIn: number
  }
  readonly instances: readonly Instance[]
  readonly subscriptions: readonly SubscriptionOverview[]
  /** Behind a broker: what its groups have taken in. */
  readonly inboxes: readonly InboxOverview[]
  /** What deserves a look; empty when all is well. */
  readonly findings: readonly Finding[]
}

/** Rejects with what the store says when it cannot be reached. */
export async function statusOf(
  parts: OverviewParts & { readonly runtime: Runtime },
  options: OverviewOptions = {},
): Promise<Status> {
  const { store, runtime } = parts
  const subscriptions = await overviewOf(parts, options)
  const inboxes = await inboxOverview(store)
  const { instances } = await parts.look()
  const asked = runtime.monotonic()
  // After the positions, so that none of them can lie beyond it by being newer.
  const head = await headOf(store)
  const answersIn = runtime.monotonic() - asked
  const at = runtime.now()
  return {
    at,
    store: { ...store.capabilities, head, answersIn },
    instances,
    subscriptions,
    inboxes,
    findings: [...findingsOf(subscriptions, head, at), ...(await sagaFindings(store))],
  }
}
