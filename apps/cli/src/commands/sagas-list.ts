import { type SagaEntry, type SagaStatus, sagaStatuses } from 'tidings'

import { parseCount, parseLength } from '../input/parse-options.ts'
import type { Attach, ExitCode } from '../session.ts'
import { ago } from '../terminal/event-line.ts'
import { table } from '../terminal/table.ts'
import { tellMore } from '../terminal/tell-more.ts'
import { cyan, dim, green, line, red, type Text, yellow } from '../terminal/text.ts'
import { widthOf } from './tail.ts'

/** Sagas, what deserves a look first. */
export const sagasListCommand: Attach = (parent, run, host) => {
  parent
    .command('list')
    .argument('[saga]', 'only those of this definition')
    .description('List sagas: stuck ones first, then those under way, the longest untouched first.')
    .option('--status <status>', `only these, separated by commas: ${sagaStatuses.join(', ')}`)
    .option('--key <begin>', 'only keys that begin so; needs a definition')
    .option('--tenant <id>', 'whose keys, with --key')
    .option('--idle <length>', "only those that nothing has happened to for so long, such as '30m'", parseLength)
    .option('-n, --limit <count>', 'at most this many (default: 100)', parseCount)
    .addHelpText('after', '\nExample:\n  tidings sagas list --status stuck,compensating\n')
    .action(
      run((session, options, [saga]) =>
        session.withStore(async (operations): Promise<ExitCode> => {
          const { status, key, tenant, idle, limit } = options as Readonly<Record<string, string | undefined>>
          const { items, more } = await operations.sagas.list({
            saga,
            key,
            tenant,
            idle: idle as never,
            limit: limit as never,
            status: status?.split(',').map((one) => one.trim() as SagaStatus),
          })
          if (session.json) {
            for (const item of items) await session.out.json(item)
          } else {
            const now = host.runtime.now()
            for (const row of items.length === 0
              ? []
              : table(
                  columns,
                  items.map((item) => rowOf(item, now)),
                  widthOf(session.out),
                ))
              await session.out.line(row)
            if (items.length === 0) await session.err.line(dim('There is no saga that matches.'))
          }
          if (more) await tellMore(session, 'There are more: ask for more with --limit, or for fewer with --status.')
          return 0
        }),
      ),
    )
}

const columns = [
  { title: 'saga' },
  { title: 'key' },
  { title: 'status' },
  { title: 'at' },
  { title: 'untouched', right: true },
  { title: 'due', right: true },
  { title: 'why' },
]

export function statusText(status: SagaStatus): Text {
  if (status === 'stuck') return red(status)
  return status === 'done' ? green(status) : status === 'running' ? line`${status}` : yellow(status)
}

function rowOf(item: SagaEntry, now: number): Text[] {
  return [
    cyan(item.saga),
    line`${item.tenant === '' ? '' : `${item.tenant}/`}${item.key}`,
    statusText(item.status),
    line`${item.at.join(', ')}`,
    line`${ago(now - item.changedAt)}`,
    item.due === undefined ? dim('-') : line`${item.due > now ? `in ${ago(item.due - now)}` : 'now'}`,
    dim(item.reason?.message ?? ''),
  ]
}
