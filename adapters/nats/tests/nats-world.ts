import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { type Host, type Runtime, realRuntime, silentLog, silentMeter, type Timer } from 'tidings/spi'

import { type NatsOptions, settingsOf } from '../src/nats-options.ts'
import { type OpenedNats, openNats } from '../src/open-nats.ts'

/** A prefix that nobody else uses. */
export function freshPrefix(): string {
  return `t-${process.pid}-${Math.random().toString(36).slice(2, 10)}`
}

/** `host:port` of a NATS URL. */
export function serverOf(url: string): string {
  return new URL(url).host
}

export function open(url: string, options: Partial<NatsOptions> = {}, host: Partial<Host> = {}): Promise<OpenedNats> {
  const settings = settingsOf({ servers: [serverOf(url)], lease: 1_000, ...options })
  return openNats(settings, { runtime: realRuntime(), log: silentLog, meter: silentMeter, ...host })
}

/** The real runtime, and its timers that have neither run nor been cancelled. */
export function countingRuntime(): { readonly runtime: Runtime; readonly timers: ReadonlySet<Timer> } {
  const real = realRuntime()
  const timers = new Set<Timer>()
  return {
    timers,
    runtime: {
      ...real,
      setTimer: (ms, run) => {
        const timer = real.setTimer(ms, () => {
          timers.delete(counted)
          run()
        })
        const counted: Timer = {
          cancel: () => {
            timers.delete(counted)
            timer.cancel()
          },
        }
        timers.add(counted)
        return counted
      },
    },
  }
}

/** Removes what a prefix has made on a server. */
export async function removeStreams(url: string, prefix: string): Promise<void> {
  const nats = await connect({ servers: [serverOf(url)] })
  try {
    const manager = await jetstreamManager(nats)
    for (const name of [prefix, `KV_${prefix}_groups`]) await manager.streams.delete(name).catch(() => {})
  } finally {
    await nats.close()
  }
}
