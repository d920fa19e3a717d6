import type { BusStatus } from './bus-status.ts'

/**
 * What is wrong between a bus and its broker, one sentence each; empty where all is well, or there is none. None of it is a reason to give the bus no
 * work: what it publishes waits in its store.
 */
export function brokerTroubles({ source, bridge }: BusStatus): readonly string[] {
  if (bridge === undefined) return []
  const { broker, relay, inbox } = bridge
  const troubles: string[] = []
  if (relay.breaker !== 'closed') {
    const waiting = relay.lag === undefined || relay.lag === 0 ? '' : `; the relay is ${relay.lag} behind the log`
    troubles.push(`${source}: the broker ${broker.name} takes no events now${waiting}`)
  }
  if (relay.paused.includes('halted'))
    troubles.push(`${source}: the relay has halted at an event that the broker ${broker.name} refuses`)
  if (relay.parked > 0) troubles.push(`${source}: ${relay.parked} events are parked by the relay`)
  if (inbox.state === 'joining')
    troubles.push(
      `${source}: the inbox is not in its group ${inbox.group} at the broker ${broker.name}${inbox.trouble === undefined ? '' : ` (${inbox.trouble})`}`,
    )
  return troubles
}
