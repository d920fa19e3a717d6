import { TidingsError } from 'tidings'

import { parkedFilterFrom, parkedFilterOptions } from '../input/parked-filter-options.ts'
import { parseCount, parseLength } from '../input/parse-options.ts'
import type { Attach } from '../session.ts'
import { confirm } from '../terminal/confirm.ts'
import { dim } from '../terminal/text.ts'
import { followAsked } from './follow-asked.ts'

/** Gives parked events up for good. */
export const parkedDropCommand: Attach = (parent, run, host) => {
  parkedFilterOptions(
    parent
      .command('drop')
      .argument('[ids...]', 'parked events, as `parked list` names them')
      .description(
        'Give parked events up for good; what waits behind them goes on. The log keeps the events themselves.',
      ),
  )
    .option('--dry-run', 'only say how many')
    .option('-y, --yes', 'do not ask whether this is meant')
    .option('-n, --limit <count>', 'at most this many (default: 10000)', parseCount)
    .option('--all', 'mean every dead letter, where no filter is given')
    .option('--wait <length>', 'how long to wait until it is done (default: 30s)', parseLength)
    .option('--no-wait', 'ask and leave')
    .option('--by <name>', 'who asks, for the audit (default: the user of this machine)')
    .addHelpText('after', '\nExample:\n  tidings parked drop inventory/0/3/1042 --by ada\n')
    .action(
      run((session, options, ids) =>
        session.withStore(async (operations) => {
          const filter = parkedFilterFrom(options, ids)
          const ask = {
            by: (options.by as string | undefined) ?? host.user,
            all: options.all === true,
            limit: options.limit as number | undefined,
          }
          const planned = await operations.parked.drop(filter, { ...ask, dryRun: true })
          if (options.dryRun === true || planned.matched === 0)
            return followAsked(session, operations, planned, undefined)
          if (options.yes !== true) {
            if (session.host.stdin.isTTY !== true || session.json) {
              throw new TidingsError(
                'TIDINGS_INVALID_OPTION',
                `This gives up ${planned.matched} events for good; say --yes where nobody can be asked.`,
                { details: { field: 'yes' } },
              )
            }
            if (!(await confirm(session, `Give up ${planned.matched} parked events for good?`))) {
              await session.err.line(dim('Nothing was dropped.'))
              return 1
            }
          }
          const asked = await operations.parked.drop(filter, ask)
          return followAsked(
            session,
            operations,
            asked,
            options.wait === false ? undefined : typeof options.wait === 'number' ? options.wait : 30_000,
          )
        }),
      ),
    )
}
