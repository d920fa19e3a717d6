import type { Asked, FollowProgress, Operations } from 'tidings'

import type { ExitCode, Session } from '../session.ts'
import { dim, green, line, red, type Text, yellow } from '../terminal/text.ts'

/** Says what was asked and, where `deadline` is given, waits for what becomes of it. Fine where all of it was done and nothing failed again. */
export async function followAsked(
  session: Session,
  operations: Operations,
  asked: Asked,
  deadline: number | undefined,
): Promise<ExitCode> {
  if (session.json) await session.out.json({ asked })
  else await session.out.line(saysAsked(asked))
  if (asked.requests.length === 0 || deadline === undefined) return 0
  const bar = session.bar()
  let last: FollowProgress | undefined
  for await (const progress of operations.parked.follow(asked.requests, { deadline, signal: session.host.signal })) {
    last = progress
    const open = progress.counts.asked + progress.counts.trying
    bar.show(1 - open / asked.requests.length, () => `${open} of ${asked.requests.length} left`)
  }
  bar.clear()
  if (last === undefined) return 1
  if (session.json) for (const outcome of last.outcomes) await session.out.json(outcome)
  else for (const failure of failuresOf(last.outcomes)) await session.err.line(failure)
  const { counts, ended, unowned } = last
  if (session.json) await session.out.json({ ended, counts, unowned })
  else await session.out.line(saysEnd(last))
  return ended === 'settled' && counts.failed === 0 && counts.behind === 0 ? 0 : 1
}

function saysAsked({ action, dryRun, matched, more, bySubscription }: Asked): Text {
  const what = action === 'redrive' ? 'run again' : 'be dropped'
  if (matched === 0) return dim('Nothing that is parked matches.')
  const names = Object.entries(bySubscription).map(([name, count]) => `${name} ${count}`)
  const rest = more ? yellow('; there are more, see --limit') : line``
  return line`${matched} parked ${matched === 1 ? 'event' : 'events'} ${dryRun ? 'would' : 'asked to'} ${what} (${names.join(', ')})${rest}`
}

function saysEnd({ counts, ended, unowned }: FollowProgress): Text {
  const parts: Text[] = []
  const add = (count: number, text: Text): void => {
    if (count > 0) parts.push(line`${count} ${text}`)
  }
  add(counts.handled, green('handled'))
  add(counts.dropped, green('dropped'))
  add(counts.failed, red('failed again'))
  add(counts.behind, yellow('wait behind another event'))
  add(counts.trying, yellow('being tried'))
  add(counts.asked, yellow('not carried out yet'))
  const joined = parts.flatMap((part, at) => (at === 0 ? [part] : [line`, `, part]))
  const why = {
    settled: line``,
    deadline: yellow('; time is over, the requests stay (see --wait)'),
    unowned: yellow(
      `; no instance looks after ${unowned.slice(0, 5).join(', ')}${unowned.length > 5 ? ' and others' : ''}: the requests stay and are carried out when one starts`,
    ),
  }
  return line`${joined.reduce((all, part) => line`${all}${part}`, line``)}${why[ended ?? 'settled']}`
}

/** The first of those that failed again, one line each. */
export function failuresOf(outcomes: FollowProgress['outcomes']): Text[] {
  return outcomes
    .filter(({ state }) => state === 'failed')
    .slice(0, 10)
    .map(({ request, error }) =>
      line`  ${red('failed again')} ${request.replace(/\/(redrive|drop)$/, '')}${error === undefined ? '' : `: ${error.name}: ${error.message}`}`.cut(
        400,
      ),
    )
}
