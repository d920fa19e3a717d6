import { streamText } from '../store/store.ts'
import type { Submission } from './submission.ts'

/**
 * When more waits than fits one commit: the most urgent first, by rank and then by arrival, but never past an earlier unit of
 * the same stream, which is pulled ahead with the urgent one instead. Every eighth place goes to the longest waiting, so
 * that low priority is late but never starved.
 */
export function selectUrgent(
  waiting: readonly Submission[],
  limit: number,
): { chosen: Submission[]; left: Submission[] } {
  const rankOf = new Map<string, number>()
  // From the back: a unit is as urgent as the most urgent later unit that shares a stream with it.
  const ranks = new Array<number>(waiting.length)
  for (let at = waiting.length - 1; at >= 0; at--) {
    const submission = waiting[at] as Submission
    let rank = submission.rank
    for (const record of submission.unit.append ?? []) rank = Math.min(rank, rankOf.get(streamText(record)) ?? rank)
    for (const record of submission.unit.append ?? []) rankOf.set(streamText(record), rank)
    ranks[at] = rank
  }
  const order = waiting.map((_, at) => at).sort((a, b) => (ranks[a] as number) - (ranks[b] as number) || a - b)
  const picked = new Set<number>()
  const oldest = Math.floor(limit / 8)
  for (let at = 0; at < oldest; at++) picked.add(at)
  for (const at of order) {
    if (picked.size >= limit) break
    picked.add(at)
  }
  const chosen: Submission[] = []
  const left: Submission[] = []
  waiting.forEach((submission, at) => (picked.has(at) ? chosen : left).push(submission))
  return { chosen, left }
}
