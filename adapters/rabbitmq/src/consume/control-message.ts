import type { Peer } from './share-out.ts'

/**
 * What members of a group say to each other.
 *
 * - `hello` to all: I am here. Each answers `here`, with all it knows.
 * - `want` to all: these partitions should be mine. Each steps back from them, and answers `yielded`.
 * - `bye` to all: I leave. `gone` to all: that one has left without a word.
 * - `here` to one, without being asked: are you there? The broker answers for who is not.
 */
export type Control =
  | { readonly kind: 'hello' | 'yielded' | 'bye'; readonly from: Peer }
  | { readonly kind: 'here'; readonly from: Peer; readonly peers: readonly Peer[] }
  | { readonly kind: 'want'; readonly from: Peer; readonly partitions: readonly number[] }
  | { readonly kind: 'gone'; readonly from: Peer; readonly peer: string }

const mostPeers = 1_000

export function encodeControl(message: Control): Buffer {
  return Buffer.from(JSON.stringify(message))
}

/** Undefined for what no member says: the exchange is open to whoever may use the virtual host. */
export function decodeControl(body: Buffer): Control | undefined {
  let message: Partial<Record<'kind' | 'from' | 'peers' | 'partitions' | 'peer', unknown>>
  try {
    message = JSON.parse(body.toString()) as typeof message
  } catch {
    return undefined
  }
  if (typeof message !== 'object' || message === null) return undefined
  const { kind, from, peers, partitions, peer } = message
  if (!isPeer(from)) return undefined
  switch (kind) {
    case 'hello':
    case 'yielded':
    case 'bye':
      return { kind, from }
    case 'here':
      return Array.isArray(peers) && peers.length <= mostPeers && peers.every(isPeer)
        ? { kind, from, peers }
        : undefined
    case 'want':
      return Array.isArray(partitions) && partitions.length <= 256 && partitions.every(Number.isSafeInteger)
        ? { kind, from, partitions: partitions as number[] }
        : undefined
    case 'gone':
      return isId(peer) ? { kind, from, peer } : undefined
    default:
      return undefined
  }
}

function isPeer(value: unknown): value is Peer {
  return (
    typeof value === 'object' &&
    value !== null &&
    isId((value as Partial<Peer>).id) &&
    Number.isSafeInteger((value as Partial<Peer>).since)
  )
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f-]{36}$/.test(value)
}
