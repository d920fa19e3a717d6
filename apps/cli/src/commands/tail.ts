import { parseCount, parseWhen } from '../input/parse-options.ts'
import type { Attach } from '../session.ts'
import { writeCloudEvent } from '../terminal/cloud-event.ts'
import { eventLine } from '../terminal/event-line.ts'

/** Events as they are committed, one a line, until it is interrupted. */
export const tailCommand: Attach = (parent, run, host) => {
  parent
    .command('tail')
    .argument('[patterns...]', 'types to show; * stands for one word, ** for the rest')
    .description('Show events as they are published, one a line.')
    .option(
      '--since <time>',
      "begin in the past, such as '15m' (ago) or '2026-01-31T12:00:00Z'",
      parseWhen(host.runtime.now()),
    )
    .option('-n, --limit <count>', 'end after this many events', parseCount)
    .addHelpText('after', "\nExample:\n  tidings tail 'order.*' --since 1h --url sqlite:./tidings.db\n")
    .action(
      run((session, options, patterns) =>
        session.withStore(async (operations) => {
          let left = (options.limit as number | undefined) ?? Number.POSITIVE_INFINITY
          let code: 0 | 1 = 0
          const { signal } = session.host
          for await (const stored of operations.events.follow({
            types: patterns,
            since: options.since as number | undefined,
            signal,
          })) {
            if (session.json) {
              if (!(await writeCloudEvent(session, stored))) code = 1
            } else {
              await session.out.line(
                eventLine(stored, operations.events.view(stored), { width: widthOf(session.out), date: false }),
              )
            }
            if (--left <= 0) break
          }
          return code
        }),
      ),
    )
}

/** Cut to the terminal; whole where a program reads. */
export function widthOf({ terminal, columns }: { readonly terminal: boolean; readonly columns: number }): number {
  return terminal ? columns : 10_000
}
