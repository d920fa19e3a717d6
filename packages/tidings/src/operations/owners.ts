import type { Runtime } from '../kernel/runtime.ts'
import type { Store } from '../store/store.ts'
import { Liveness } from '../transport/log/liveness.ts'
import { parseOwners } from '../transport/log/ownership.ts'
import { readDocuments } from './read-documents.ts'

/** Who looks after one partition of one pass. */
export type Owner =
  /** An instance that gives signs of life. */
  | { readonly state: 'alive'; readonly instance: string }
  /** The last one gives none any more; the next to start takes over. */
  | { readonly state: 'gone'; readonly instance: string }
  /** Nobody. */
  | { readonly state: 'none' }
  /** This subscription has never been owned through the store: its transport keeps that elsewhere, or it has never started. */
  | { readonly state: 'unknown' }

/** Who owns what, as it stands at one look. */
export interface Ownership {
  /** `group` is `subscription/run`. */
  of(group: string, partition: number): Owner
  /** Instances that live, with the groups they are in. */
  readonly instances: readonly Instance[]
}

export interface Instance {
  readonly id: string
  readonly alive: boolean
  readonly groups: readonly string[]
  /** Wall clock up to which it counts as alive, milliseconds since 1970. */
  readonly until: number
}

/** How long an instance that names no lease of its own may be silent, in milliseconds. */
const defaultLease = 5_000

/** Looks at who owns what. Hold on to one: a second look judges instances by whether they were seen renewing, whatever the clocks say. */
export function ownershipWatch(store: Store, runtime: Runtime): () => Promise<Ownership> {
  const liveness = new Liveness(runtime, defaultLease)
  return async () => {
    const owners = new Map<string, ReturnType<typeof parseOwners>>()
    // Owners first: whoever is read as an owner was announced before, so the instances read afterwards include it.
    for await (const { id, body } of readDocuments(store, 'owners')) {
      owners.set(id, parseOwners(body, store.capabilities.partitions))
    }
    const documents = []
    for await (const document of readDocuments(store, 'instances')) documents.push(document)
    liveness.look(documents)
    return {
      of(group, partition) {
        const known = owners.get(group)
        if (known === undefined) return { state: 'unknown' }
        const instance = known[partition]?.instance ?? ''
        if (instance === '') return { state: 'none' }
        return { state: liveness.alive(instance) ? 'alive' : 'gone', instance }
      },
      instances: documents.map(({ id, body }) => instanceOf(id, body, liveness.alive(id))),
    }
  }
}

function instanceOf(id: string, body: string, alive: boolean): Instance {
  try {
    const { groups, until } = JSON.parse(body) as { groups?: unknown; until?: unknown }
    return {
      id,
      alive,
      groups: Array.isArray(groups) ? groups.filter((group) => typeof group === 'string') : [],
      until: typeof until === 'number' ? until : 0,
    }
  } catch {
    return { id, alive: false, groups: [], until: 0 }
  }
}
