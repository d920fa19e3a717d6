import { collect, parseCount, parseWhen } from '../input/parse-options.ts'
import type { Attach } from '../session.ts'
import { writeCloudEvent } from '../terminal/cloud-event.ts'
import { eventLine } from '../terminal/event-line.ts'
import { dim, line } from '../terminal/text.ts'
import { widthOf } from './tail.ts'

const howWritten =
  ' A stream is written category/key, or tenant/category/key where its events belong to a tenant; the category of order.placed is order, unless its definition says otherwise.'

/** What the log holds. */
export const eventsCommand: Attach = (parent, run, host) => {
  const when = parseWhen(host.runtime.now())
  parent
    .command('events')
    .description('Search the log, oldest first; with --json whole CloudEvents that `publish` takes.')
    .option('--type <pattern>', 'only these types (may be repeated); * stands for one word, ** for the rest', collect)
    .option('--stream <name>', 'only this stream: category/key or tenant/category/key')
    .option('--category <name>', 'only this category')
    .option('--key <key>', 'only this key')
    .option('--tenant <id>', 'only this tenant')
    .option('--correlation <id>', 'only what belongs together under this id')
    .option('--causation <id>', 'only what this event led to')
    .option('--id <id>', 'only events of this id')
    .option('--since <time>', "events from this time, such as '15m' (ago) or '2026-01-31'", when)
    .option('--until <time>', 'events before this time', when)
    .option('--after <position>', 'events after this position of the log', parseCount)
    .option('-n, --limit <count>', 'at most this many (default: 100, or all with --all)', parseCount)
    .option('--all', 'all that match')
    .addHelpText('after', "\nExample:\n  tidings events --type 'order.*' --tenant acme --since 1h --json | jq .data\n")
    .action(
      run((session, options) =>
        session.withStore(async (operations) => {
          const limit = (options.limit as number | undefined) ?? (options.all === true ? Number.POSITIVE_INFINITY : 100)
          const { type, all: _all, ...query } = options
          let found = 0
          let code: 0 | 1 = 0
          for await (const stored of operations.events.search({
            ...query,
            types: type as readonly string[] | undefined,
            limit: limit + 1,
          })) {
            session.host.signal.throwIfAborted()
            if (++found > limit) break
            if (session.json) {
              if (!(await writeCloudEvent(session, stored))) code = 1
            } else {
              await session.out.line(
                eventLine(stored, operations.events.view(stored), { width: widthOf(session.out), date: true }),
              )
            }
          }
          if (!session.json && found === 0)
            await session.err.line(dim(`No event matches.${query.stream === undefined ? '' : howWritten}`))
          if (found > limit)
            await session.err.line(dim(line`There are more than ${limit}; see --limit and --all.`.plain))
          return code
        }),
      ),
    )
}
