import type { GenerationStatus, ProjectionStatus } from 'tidings'

import type { Attach, ExitCode } from '../session.ts'
import { ago } from '../terminal/event-line.ts'
import { table } from '../terminal/table.ts'
import { cyan, dim, green, line, red, type Text, yellow } from '../terminal/text.ts'
import { widthOf } from './tail.ts'

/** All projections with their generations. */
export const projectionsListCommand: Attach = (parent, run, host) => {
  parent
    .command('list')
    .description('List projections: which generation readers see, which are built or kept, how far they are.')
    .addHelpText('after', "\nExample:\n  tidings projections list --json | jq 'select(.live == null).name'\n")
    .action(
      run((session) =>
        session.withStore(async ({ projections }): Promise<ExitCode> => {
          const all = await projections.list()
          if (session.json) {
            for (const one of all) await session.out.json(one)
            return 0
          }
          if (all.length === 0) await session.err.line(dim('No projection was ever begun in this store.'))
          else
            for (const row of table(
              columns,
              all.flatMap((one) => rowsOf(one, host.runtime.now())),
              widthOf(session.out),
            ))
              await session.out.line(row)
          return 0
        }),
      ),
    )
}

const columns = [
  { title: 'projection' },
  { title: 'generation', right: true },
  { title: 'version', right: true },
  { title: 'state' },
  { title: 'position', right: true },
  { title: 'lag', right: true },
  { title: 'parked', right: true },
  { title: 'since', right: true },
  { title: 'compared' },
]

function rowsOf({ name, generations }: ProjectionStatus, now: number): Text[][] {
  return generations.map((one, at) => [
    at === 0 ? cyan(name) : dim(''),
    line`${one.number}`,
    line`${one.version}`,
    stateOf(one),
    line`${one.position}`,
    one.lag === 0 ? dim('0') : yellow(String(one.lag)),
    one.parked === 0 ? dim('0') : red(String(one.parked)),
    line`${ago(now - (one.endedAt ?? one.liveAt ?? one.beganAt ?? one.at))}`,
    one.parity === undefined ? dim('-') : line`${one.parity.says}`,
  ])
}

export function stateOf({ state, share, eta }: GenerationStatus): Text {
  switch (state) {
    case 'live':
      return green('live')
    case 'building':
      return yellow(
        `building ${Math.floor(share * 100)} %${eta === undefined ? '' : `, ${Math.ceil(eta / 1_000)} s left`}`,
      )
    case 'asked':
    case 'ready':
      return yellow(state)
    default:
      return dim(state)
  }
}
