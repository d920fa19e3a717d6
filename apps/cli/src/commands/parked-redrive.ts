import type { Operations, ParkedFilter, RampOptions } from 'tidings'

import { parkedFilterFrom, parkedFilterOptions } from '../input/parked-filter-options.ts'
import { parseCount, parseCounts, parseLength } from '../input/parse-options.ts'
import type { Attach, ExitCode, Session } from '../session.ts'
import { dim, green, line, red, type Text, yellow } from '../terminal/text.ts'
import { failuresOf, followAsked } from './follow-asked.ts'

/** Lets parked events run again. */
export const parkedRedriveCommand: Attach = (parent, run, host) => {
  parkedFilterOptions(
    parent
      .command('redrive')
      .argument('[ids...]', 'parked events, as `parked list` names them')
      .description('Let parked events run again; what waits behind them follows.'),
  )
    .option('--dry-run', 'only say how many')
    .option('--ramp <counts>', 'a few at a time, such as 1,10,100; stops by itself when they fail again', parseCounts)
    .option('--stop-after <failures>', 'with --ramp: end once this many have failed again (default: 1)', parseCount)
    .option('-n, --limit <count>', 'at most this many (default: 10000)', parseCount)
    .option('--all', 'mean everything that can run again, where no filter is given')
    .option('--wait <length>', 'how long to wait for the outcome (default: 30s)', parseLength)
    .option('--no-wait', 'ask and leave')
    .option('--by <name>', 'who asks, for the audit (default: the user of this machine)')
    .addHelpText('after', '\nExample:\n  tidings parked redrive --subscription inventory --ramp 1,10,100\n')
    .action(
      run((session, options, ids) =>
        session.withStore(async (operations) => {
          const filter = parkedFilterFrom(options, ids)
          const ask = { by: (options.by as string | undefined) ?? host.user, all: options.all === true }
          const deadline = typeof options.wait === 'number' ? options.wait : 30_000
          const ramp = options.ramp as readonly number[] | undefined
          if (ramp !== undefined && options.dryRun !== true) {
            const { signal } = session.host
            return rampUp(session, operations, filter, {
              ...ask,
              ramp,
              stopAfterFailures: options.stopAfter as number | undefined,
              deadline,
              signal,
            })
          }
          const asked = await operations.parked.redrive(filter, {
            ...ask,
            dryRun: options.dryRun === true,
            limit: options.limit as number | undefined,
          })
          return followAsked(session, operations, asked, options.wait === false ? undefined : deadline)
        }),
      ),
    )
}

async function rampUp(
  session: Session,
  operations: Operations,
  filter: ParkedFilter,
  options: RampOptions,
): Promise<ExitCode> {
  const bar = session.bar()
  bar.show(undefined, () => 'the first step is asked for')
  let fine = false
  for await (const step of operations.parked.ramp(filter, options)) {
    bar.clear()
    if (session.json) await session.out.json(step)
    else {
      const failed = step.failed > 0 ? red(`${step.failed} failed again`) : dim('none failed')
      await session.out.line(
        line`step ${step.step}: ${step.asked} asked, ${green(`${step.handled} handled`)}, ${failed}`,
      )
      for (const failure of failuresOf(step.outcomes)) await session.err.line(failure)
      if (step.ended !== undefined) await session.out.line(endings[step.ended])
    }
    fine = step.ended === 'done' && step.total.failed === 0
    bar.show(undefined, () => `step ${step.step + 1}`)
  }
  bar.clear()
  return fine ? 0 : 1
}

const endings: Readonly<Record<'done' | 'failures' | 'unsettled' | 'unowned', Text>> = {
  done: green('All that match have been tried.'),
  failures: red('Stopped: too many have failed again. The rest stays parked.'),
  unsettled: yellow('Stopped: some of this step had no outcome in time (see --wait). The rest stays parked.'),
  unowned: yellow('Stopped: no instance is alive to carry this out. What was asked stays and is done when one starts.'),
}
