import { type Host, TidingsError, type Transport } from 'tidings/spi'

import { Link } from './connection/link.ts'
import type { NatsSettings } from './nats-options.ts'
import { NatsTransport } from './nats-transport.ts'
import { openStream } from './stream/open-stream.ts'

export interface OpenedNats {
  readonly transport: Transport
  /** Ends everything at once and says goodbye to nobody, as the death of the process would. For tests. */
  abandon(): Promise<void>
}

/** Connects, finds or makes the stream, and reads back what the server promises. */
export async function openNats(settings: NatsSettings, host: Host): Promise<OpenedNats> {
  const link = await Link.open(settings, host)
  try {
    refuseOld(link.nats.info?.version ?? '')
    const facts = await openStream(link.manager, settings, host)
    return { transport: new NatsTransport(link, settings, facts, host), abandon: () => link.die() }
  } catch (error) {
    await link.close()
    throw error
  }
}

/** Consumers of several subjects and metadata of streams came with 2.10. */
function refuseOld(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > 2 || (major === 2 && minor >= 10)) return
  throw new TidingsError(
    'TIDINGS_NOT_SUPPORTED',
    `The NATS server is ${version.slice(0, 40)}; 2.10 or newer is needed.`,
    {
      details: { capability: 'version', version: version.slice(0, 40) },
    },
  )
}
