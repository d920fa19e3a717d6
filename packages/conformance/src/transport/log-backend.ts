import {
  type LogTransportOptions,
  logTransport,
  memoryStore,
  type Runtime,
  type Store,
  silentLog,
  silentMeter,
  type Transport,
  type VirtualRuntime,
} from 'tidings/spi'

import { type Mortal, mortal } from '../suite/mortal.ts'
import type { TransportBackend } from './transport-world.ts'

/** The log transport over one memory store a place, with members that can die; the backend that the suite itself is tried on. */
export function logBackend(
  name: string,
  runtime: Runtime | VirtualRuntime,
  options: LogTransportOptions = {},
  partitions = 8,
): TransportBackend {
  const stores = new Map<string, Store>()
  const lives = new WeakMap<Transport, Mortal>()
  const open = (place: string): Transport => {
    const store = stores.get(place) ?? memoryStore({ partitions })
    stores.set(place, store)
    const life = mortal(runtime, store)
    const transport = logTransport(life.store, { runtime: life.runtime, log: silentLog, meter: silentMeter }, options)
    lives.set(transport, life)
    return transport
  }
  return {
    name,
    create: open,
    reopen: open,
    crash: (transport) => lives.get(transport)?.end(),
    remove: (place) => void stores.delete(place),
    takeover: 5_000,
    ...('advance' in runtime && { advance: (ms: number) => runtime.advance(ms) }),
  }
}
