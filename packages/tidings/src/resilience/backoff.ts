import { type Duration, milliseconds } from '../kernel/duration.ts'
import { Mistakes } from '../kernel/mistakes.ts'

/**
 * How long to wait after each failed attempt. A list is taken as written, without jitter, and its last entry repeats.
 * Exponential waits are `initial × factor^(attempt - 1)`, at most `max`, then spread by `jitter` so that many who failed
 * together do not come back together.
 */
export type Backoff =
  | readonly Duration[]
  | {
      /** Wait after the first failure. Default 1 s. */
      readonly initial?: Duration
      /** What each wait is multiplied by for the next. At least 1; default 2. */
      readonly factor?: number
      /** Longest wait before jitter. Default 5 min. */
      readonly max?: Duration
      /** Share by which a wait may be longer or shorter, 0 to 1. Default 0.2; 0 makes all who failed together retry together. */
      readonly jitter?: number
    }

const optionNames = { initial: true, factor: true, max: true, jitter: true } as const

const initialDefault = 1_000
const factorDefault = 2
const maxDefault = 300_000
const jitterDefault = 0.2

/** Whole milliseconds to wait after attempt number `attempt` (from 1) has failed. `random` yields numbers in [0, 1). */
export function delayOf(backoff: Backoff | undefined, attempt: number, random: () => number): number {
  if (isList(backoff))
    return Math.round(milliseconds(backoff[Math.min(Math.max(attempt, 1), backoff.length) - 1] ?? 0, 'backoff'))
  const initial = milliseconds(backoff?.initial ?? initialDefault, 'backoff.initial')
  const max = milliseconds(backoff?.max ?? maxDefault, 'backoff.max')
  const jitter = backoff?.jitter ?? jitterDefault
  // 0 × Infinity is no number: a wait of nothing stays nothing, however often.
  const wait =
    initial === 0 ? 0 : Math.min(max, initial * (backoff?.factor ?? factorDefault) ** (Math.max(attempt, 1) - 1))
  return Math.round(wait * (1 + jitter * (2 * random() - 1)))
}

/** What is wrong with a backoff that somebody wrote, as sentences; empty when it is sound. `field` is the option's name. */
export function backoffMistakes(backoff: Backoff | undefined, field = 'backoff'): string[] {
  if (backoff === undefined) return []
  if (isList(backoff)) {
    if (backoff.length === 0) return [`Expected \`${field}\` to list at least one duration.`]
    return backoff.flatMap((entry, at) => durationMistake(entry, `${field}[${at}]`))
  }
  if (typeof backoff !== 'object' || backoff === null)
    return [`Expected \`${field}\` to be a list of durations or { initial, factor, max, jitter }.`]
  const strange = new Mistakes()
  strange.refuseUnknown(backoff, optionNames, `${field}.`)
  const mistakes = [
    ...strange.found,
    ...durationMistake(backoff.initial ?? 0, `${field}.initial`),
    ...durationMistake(backoff.max ?? 0, `${field}.max`),
  ]
  const { factor = factorDefault, jitter = jitterDefault } = backoff
  if (!(Number.isFinite(factor) && factor >= 1))
    mistakes.push(`Expected \`${field}.factor\` to be a number of at least 1.`)
  if (!(jitter >= 0 && jitter <= 1)) mistakes.push(`Expected \`${field}.jitter\` to be a number from 0 to 1.`)
  return mistakes
}

function durationMistake(duration: Duration, field: string): string[] {
  try {
    milliseconds(duration, field)
    return []
  } catch (error) {
    return [(error as Error).message]
  }
}

function isList(backoff: Backoff | undefined): backoff is readonly Duration[] {
  return Array.isArray(backoff)
}
