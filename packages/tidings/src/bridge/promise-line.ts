import type { StoreCapabilities } from '../store/store.ts'
import type { TransportCapabilities } from '../transport/transport.ts'

export interface Promised {
  readonly store: StoreCapabilities
  readonly broker?: TransportCapabilities | undefined
  readonly group?: string | undefined
  /** What the store is where nobody chose it. */
  readonly beside?: string | undefined
  /** Whether there is no store at all. */
  readonly direct?: boolean
}

const sharing: Readonly<Record<StoreCapabilities['sharing'], string>> = {
  process: 'seen by this process alone',
  host: 'shared by the processes of this machine',
  network: 'shared by all instances',
}

/** One line for people: what becomes of events here. */
export function promiseLine({ store, broker, group, beside, direct }: Promised): string {
  if (direct === true && broker !== undefined)
    return `Nothing is kept here: events go straight to the broker ${broker.name}; ${deliveryPart(broker, false)}.`
  const kept = store.durability === 'store' ? 'durable' : 'gone with this process'
  const parts = [`Events are kept in ${beside ?? store.name} (${kept}, ${sharing[store.sharing]})`]
  if (broker !== undefined) {
    parts.push(`the broker ${broker.name} joins this service to others${groupPart(broker, group)}`)
    parts.push(deliveryPart(broker))
    if (beside !== undefined) parts.push(`until an event is relayed, ${beside} holds its only copy`)
    // Instances with stores that do not know each other would share out what comes.
    if (broker.groups && store.sharing !== 'network')
      parts.push(`run this service ${store.sharing === 'host' ? 'on this machine alone' : 'once'}`)
  }
  return `${parts.join('; ')}.`
}

function groupPart(broker: TransportCapabilities, group: string | undefined): string {
  return broker.groups ? `, in the group ${group ?? ''}` : ', to each instance by itself, for it has no groups'
}

function deliveryPart({ redelivery, durability, kind }: TransportCapabilities, once = true): string {
  if (!redelivery || kind === 'fanout') return 'what is sent while nobody listens is lost: it delivers at most once'
  const promise = `it delivers at least once${once ? ', and here once' : ''}`
  return durability === 'memory' ? `${promise}, as long as its process lives` : promise
}
