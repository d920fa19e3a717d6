import { type Transport, type VirtualRuntime, virtualRuntime } from 'tidings/spi'

import { type Patience, settled } from '../suite/eventually.ts'
import type { CaseContext } from '../suite/run-cases.ts'
import type { Volumes } from '../suite/volumes.ts'

/** A transport under test, as its author describes it. */
export interface TransportBackend {
  readonly name: string
  /** Opens a transport where nothing was published and nobody listens. `place` is a name nobody used before (letters, digits, hyphens). */
  readonly create: (place: string) => Promise<Transport> | Transport
  /** Opens another transport at that place, as another process would: beside the first, after its close, or after its crash. */
  readonly reopen: (place: string) => Promise<Transport> | Transport
  /**
   * Ends a transport as the death of its process would: it says nothing more to anybody, and calls nobody.
   * Owed by transports with groups.
   */
  readonly crash?: (transport: Transport, place: string) => Promise<void> | void
  /** Called after each case, when the transports of that place are closed. */
  readonly remove?: (place: string) => Promise<void> | void
  /** Milliseconds within which the partitions of a dead member belong to others. Default 10,000. */
  readonly takeover?: number
  /** Moves time where the transport lives under a virtual clock; default: real time passes. */
  readonly advance?: (ms: number) => Promise<void>
}

/** What a case works with. */
export interface TransportWorld {
  readonly backend: TransportBackend
  readonly transport: Transport
  readonly place: string
  readonly volumes: Volumes
  readonly chance: VirtualRuntime
  readonly patience: Patience
  /** For what waits until a dead member is noticed. */
  readonly takeover: Patience
  /** Another transport at the same place; closed after the case. */
  readonly connect: () => Promise<Transport>
  /** The death of a transport's process; it is not closed after the case. */
  readonly crash: (transport: Transport) => Promise<void>
  /** Waits for a call to end while time moves. */
  readonly end: <T>(call: Promise<T>, what?: string) => Promise<T>
}

let places = 0

export async function inTransportWorld(
  backend: TransportBackend,
  { seed, volumes }: CaseContext,
  use: (world: TransportWorld) => Promise<void>,
): Promise<void> {
  const { advance } = backend
  const patience: Patience = { deadline: volumes.patience, advance }
  const opened = new Set<Transport>()
  const end = <T>(call: Promise<T>, what = 'A call'): Promise<T> => settled(call, what, patience)
  const place = `case-${process.pid}-${seed.toString(36)}-${++places}`
  const open = async (how: TransportBackend['create']): Promise<Transport> => {
    const transport = await end(Promise.resolve(how(place)), 'Opening')
    opened.add(transport)
    return transport
  }
  try {
    await use({
      backend,
      place,
      volumes,
      patience,
      end,
      takeover: { deadline: volumes.patience + (backend.takeover ?? 10_000) * 2, advance },
      transport: await open(backend.create),
      chance: virtualRuntime({ seed }),
      connect: () => open(backend.reopen),
      crash: async (transport) => {
        if (backend.crash === undefined)
          throw new Error(`'${backend.name}' declares groups: pass \`crash\` to the suite.`)
        await backend.crash(transport, place)
        opened.delete(transport)
      },
    })
  } finally {
    // How it closes is what other cases look at.
    for (const transport of opened) await end(transport.close(), 'close').catch(() => {})
    await backend.remove?.(place)
  }
}
