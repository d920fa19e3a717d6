import { mulberry32 } from 'tidings/spi'

/** What kind of world a seed makes. */
export interface Profile {
  /** No fault of any kind, no crash: here nothing may ever happen twice. */
  readonly calm: boolean
  /** Multiplies the likelihood of small faults. */
  readonly wind: number
  readonly jumps: boolean
  readonly damage: boolean
  readonly bytesOnly: boolean
  /** Names of the subscriptions that its service declares. */
  readonly subscriptions: readonly string[]
  readonly publishes: number
  readonly streams: number
  /** Events taken in advance by each subscription, and read at a time: small ones keep consumers behind the head. */
  readonly window: number
  readonly page: number
  /** Most events that a blocked stream of some subscriptions may hold: small ones make partitions pause. */
  readonly maxParked: number
}

const always = ['ledger', 'poisoned', 'follower', 'notes']
const sometimes = ['mailer', 'audit', 'skipper', 'charger', 'inline', 'slow', 'remote', 'mute']

export function profileOf(seed: number): Profile {
  const random = mulberry32(seed ^ 0x5eed)
  const chance = (likelihood: number): boolean => random() < likelihood
  const calm = chance(0.08)
  // Half of the others in each world: which promises meet varies, and a world is quick.
  const chosen = sometimes.map((name) => ({ name, at: random() })).toSorted((a, b) => a.at - b.at)
  const damage = !calm && chance(0.15)
  return {
    calm,
    wind: chance(0.3) ? 3 : 1,
    jumps: !calm && chance(0.4),
    damage,
    bytesOnly: damage || chance(0.1),
    subscriptions: [...always, ...chosen.slice(0, 4).map(({ name }) => name)],
    publishes: 200 + Math.floor(random() * 40),
    streams: 10 + Math.floor(random() * 5),
    window: chance(0.3) ? 5 : 1_000,
    page: chance(0.3) ? 7 : 512,
    maxParked: chance(0.3) ? 2 : 10_000,
  }
}
