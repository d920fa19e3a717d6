import type { ParkedEntry, ParkedGroup } from 'tidings'

import { parkedFilterFrom, parkedFilterOptions } from '../input/parked-filter-options.ts'
import { parseCount } from '../input/parse-options.ts'
import type { Attach, ExitCode } from '../session.ts'
import { ago } from '../terminal/event-line.ts'
import { table } from '../terminal/table.ts'
import { tellMore } from '../terminal/tell-more.ts'
import { cyan, dim, line, red, type Text, yellow } from '../terminal/text.ts'
import { widthOf } from './tail.ts'

/** What is set aside. */
export const parkedListCommand: Attach = (parent, run, host) => {
  parkedFilterOptions(parent.command('list').description('List parked events, or sum them up by failure.'))
    .option('--by-failure', 'one line for failures that look alike')
    .option('-n, --limit <count>', 'at most this many (default: 100)', parseCount)
    .option('--after <cursor>', 'go on where an earlier list ended')
    .addHelpText(
      'after',
      '\nExample:\n  tidings parked list --by-failure\n  tidings parked list --subscription inventory --state dead\n',
    )
    .action(
      run((session, options) =>
        session.withStore(async (operations): Promise<ExitCode> => {
          const filter = parkedFilterFrom(options, [])
          const width = widthOf(session.out)
          const now = host.runtime.now()
          if (options.byFailure === true) {
            const { groups, total, elsewhere } = await operations.parked.groups(filter)
            if (session.json) for (const group of groups) await session.out.json(group)
            else {
              for (const row of groups.length === 0
                ? []
                : table(
                    groupColumns,
                    groups.map((group) => groupRow(group, now)),
                    width,
                  ))
                await session.out.line(row)
            }
            if (elsewhere > 0) {
              const hint = `${total} parked, ${elsewhere} of them in failures beyond these`
              await tellMore(session, hint, { total, elsewhere })
            } else if (!session.json) await session.err.line(dim(`${total} parked`))
            return 0
          }
          const { limit, after } = options as { limit?: number; after?: string }
          const { items, next } = await operations.parked.list({ ...filter, limit, after })
          if (session.json) {
            for (const item of items) await session.out.json(item)
          } else {
            for (const row of items.length === 0
              ? []
              : table(
                  columns,
                  items.map((item) => rowOf(item, now)),
                  width,
                ))
              await session.out.line(row)
            if (items.length === 0) await session.err.line(dim('Nothing is parked that matches.'))
          }
          if (next !== undefined) await tellMore(session, `There are more: --after ${next}`, { next })
          return 0
        }),
      ),
    )
}

const columns = [
  { title: 'id' },
  { title: 'state' },
  { title: 'tries', right: true },
  { title: 'age', right: true },
  { title: 'type' },
  { title: 'stream' },
  { title: 'error' },
]

function rowOf(item: ParkedEntry, now: number): Text[] {
  const { error } = item
  return [
    cyan(item.id),
    item.state === 'dead' ? red(item.state) : yellow(item.state),
    line`${item.attempts}`,
    line`${ago(now - item.parkedAt)}`,
    line`${item.type}`,
    line`${item.tenant === '' ? '' : `${item.tenant}/`}${item.category}/${item.key}`,
    error === undefined ? dim('-') : line`${error.name}: ${error.message}`.cut(200),
  ]
}

const groupColumns = [
  { title: 'count', right: true },
  { title: 'fingerprint' },
  { title: 'states' },
  { title: 'last', right: true },
  { title: 'subscriptions' },
  { title: 'types' },
  { title: 'failure' },
]

function groupRow(group: ParkedGroup, now: number): Text[] {
  const states = Object.entries(group.states).map(([state, count]) => `${count} ${state}`)
  return [
    line`${group.count}`,
    cyan(group.fingerprint === '' ? '-' : group.fingerprint),
    line`${states.join(', ')}`,
    line`${ago(now - group.last)}`,
    line`${group.subscriptions.join(' ')}`,
    line`${group.types.join(' ')}`,
    group.error === undefined ? dim('waits without having failed') : line`${group.error.name}: ${group.error.message}`,
  ]
}
