import type { Host, Runtime, Transport, TransportAdapter } from 'tidings/spi'

export interface MortalTransport {
  readonly transport: Transport
  /** The death of its process: no timer fires, nobody is called, nothing is answered any more. */
  end(): void
}

/** A transport whose process can die while the test goes on. */
export async function openMortal(adapter: TransportAdapter, host: Host): Promise<MortalTransport> {
  let dead = false
  const alive =
    (run: () => void): (() => void) =>
    () => {
      if (!dead) run()
    }
  const runtime: Runtime = {
    ...host.runtime,
    setTimer: (ms, run) => host.runtime.setTimer(ms, alive(run)),
    defer: (run) => host.runtime.defer(alive(run)),
  }
  const silence = new Promise<never>(() => {})
  const inner = await adapter.open({ ...host, runtime })
  return {
    end: () => void (dead = true),
    transport: {
      capabilities: inner.capabilities,
      publish: (batch, signal) => (dead ? silence : inner.publish(batch, signal)),
      subscribe: (options, sink) =>
        inner.subscribe(options, {
          assigned: (partitions) => (dead ? silence : sink.assigned(partitions)),
          revoked: (partitions) => (dead ? silence : sink.revoked(partitions)),
          lost: (partitions) => alive(() => sink.lost(partitions))(),
          deliver: (deliveries) => alive(() => sink.deliver(deliveries))(),
          scanned: (partition, offset) => alive(() => sink.scanned(partition, offset))(),
          ended: (cause) => alive(() => sink.ended(cause))(),
        }),
      close: () => inner.close(),
    },
  }
}
