import type { Position } from '../store/store.ts'
import type { SubscriptionOverview } from './overview.ts'

/** Something that deserves a look. `warn`: somebody should; `bad`: what was promised does not hold. */
export interface Finding {
  readonly level: 'warn' | 'bad'
  readonly about: FindingKind
  readonly subscription?: string
  /** One sentence. */
  readonly says: string
}

export type FindingKind =
  | 'no-owner'
  | 'lagging'
  | 'dead-letters'
  | 'needs-upgrade'
  | 'requests-waiting'
  | 'paused'
  | 'breaker'
  | 'watermark-beyond-log'
  | 'stuck-sagas'

/** Age of the first waiting event from which a subscription counts as lagging, in milliseconds. */
const lagAfter = 60_000

/** What the overviews tell to whoever reads them with care. `head` was read after them; `now` is milliseconds since 1970. */
export function findingsOf(subscriptions: readonly SubscriptionOverview[], head: Position, now: number): Finding[] {
  return subscriptions.flatMap((one) => [
    ...placeFindings(one, head),
    ...ownerFindings(one, now),
    ...parkedFindings(one),
    ...localFindings(one),
  ])
}

/** A position that no event has reached yet means that log and checkpoints are not of one time: what is published next would be skipped. */
function placeFindings({ name, partitions }: SubscriptionOverview, head: Position): Finding[] {
  const beyond = partitions.filter(({ watermark }) => watermark > head)
  if (beyond.length === 0) return []
  const says = `${name} stands beyond the end of the log (position ${head}) in ${beyond.length} partitions: log and checkpoints are not of one time.`
  return [{ level: 'bad', about: 'watermark-beyond-log', subscription: name, says }]
}

function ownerFindings(one: SubscriptionOverview, now: number): Finding[] {
  const { name, partitions, waiting, requests } = one
  const findings: Finding[] = []
  const unowned = partitions.filter(({ owner }) => owner.state !== 'alive')
  const amount = `${waiting.events}${waiting.more ? ' or more' : ''} ${waiting.events === 1 ? 'event waits' : 'events wait'}`
  if (unowned.length === partitions.length && (waiting.events > 0 || requests > 0)) {
    findings.push({
      level: 'warn',
      about: 'no-owner',
      subscription: name,
      says: `No instance of ${name} is alive${waiting.events > 0 ? `; ${amount} for it` : ''}.`,
    })
  } else if (unowned.length > 0 && unowned.length < partitions.length) {
    findings.push({
      level: 'warn',
      about: 'no-owner',
      subscription: name,
      says: `${unowned.length} of ${partitions.length} partitions of ${name} have no living owner.`,
    })
  } else if (waiting.oldest !== undefined && now - waiting.oldest > lagAfter) {
    findings.push({
      level: 'warn',
      about: 'lagging',
      subscription: name,
      says: `${name} is ${Math.round((now - waiting.oldest) / 1_000)} s behind; ${amount} for it.`,
    })
  }
  if (requests > 0) {
    findings.push({
      level: 'warn',
      about: 'requests-waiting',
      subscription: name,
      says: `${requests} ${requests === 1 ? 'request' : 'requests'} of operators to ${name} not carried out yet.`,
    })
  }
  return findings
}

function parkedFindings({ name, parked }: SubscriptionOverview): Finding[] {
  const findings: Finding[] = []
  if (parked.dead > 0) {
    const behind = parked.behind > 0 ? `, ${parked.behind} more wait behind them` : ''
    findings.push({
      level: 'warn',
      about: 'dead-letters',
      subscription: name,
      says: `${parked.dead} dead ${parked.dead === 1 ? 'letter' : 'letters'} of ${name}${behind}.`,
    })
  }
  if (parked.upgrade > 0) {
    findings.push({
      level: 'warn',
      about: 'needs-upgrade',
      subscription: name,
      says: `${parked.upgrade} events are newer than any running ${name} knows.`,
    })
  }
  return findings
}

function localFindings({ name, here }: SubscriptionOverview): Finding[] {
  const findings: Finding[] = []
  if (here !== undefined && here.paused.length > 0) {
    findings.push({
      level: 'warn',
      about: 'paused',
      subscription: name,
      says: `${name} is paused here (${here.paused.join(', ')}).`,
    })
  }
  if (here?.breaker === 'open')
    findings.push({ level: 'warn', about: 'breaker', subscription: name, says: `The breaker of ${name} is open here.` })
  return findings
}
