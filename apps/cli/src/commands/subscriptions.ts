import type { SubscriptionOverview } from 'tidings'

import { parseCount } from '../input/parse-options.ts'
import type { Attach, ExitCode } from '../session.ts'
import { ago } from '../terminal/event-line.ts'
import { table } from '../terminal/table.ts'
import { cyan, dim, green, line, red, type Text, yellow } from '../terminal/text.ts'
import { subscriptionsResumeCommand } from './subscriptions-resume.ts'
import { widthOf } from './tail.ts'

/** All subscriptions at one look. */
export const subscriptionsCommand: Attach = (parent, run, host) => {
  const command = parent
    .command('subscriptions')
    .alias('subs')
    .description('List subscriptions: who runs them, what waits, what is parked.')
    .option('--count <events>', 'count waiting events up to this many (default: 1000)', parseCount)
    .addHelpText('after', "\nExample:\n  tidings subscriptions --json | jq 'select(.parked.dead > 0).name'\n")
    .action(
      run((session, options) =>
        session.withStore(async (operations): Promise<ExitCode> => {
          const all = await operations.subscriptions({ count: options.count as number | undefined })
          if (session.json) {
            for (const one of all) await session.out.json(one)
            return 0
          }
          if (all.length === 0) await session.err.line(dim('No subscription was ever registered in this store.'))
          else
            for (const row of table(
              columns,
              all.map((one) => rowOf(one, host.runtime.now())),
              widthOf(session.out),
            ))
              await session.out.line(row)
          return 0
        }),
      ),
    )
  subscriptionsResumeCommand(command, run, host)
}

const columns = [
  { title: 'subscription' },
  { title: 'owned' },
  { title: 'waiting', right: true },
  { title: 'oldest', right: true },
  { title: 'dead', right: true },
  { title: 'retry', right: true },
  { title: 'behind', right: true },
  { title: 'upgrade', right: true },
  { title: 'position', right: true },
  { title: 'hears' },
]

function rowOf(one: SubscriptionOverview, now: number): Text[] {
  const { partitions, waiting, parked } = one
  const alive = partitions.filter(({ owner }) => owner.state === 'alive').length
  const owned = `${alive}/${partitions.length}`
  const count = (value: number, alarm: (text: string) => Text): Text => (value === 0 ? dim('0') : alarm(String(value)))
  return [
    cyan(one.name),
    alive === partitions.length ? green(owned) : alive === 0 ? red(owned) : yellow(owned),
    waiting.events === 0 ? dim('0') : yellow(`${waiting.events}${waiting.more ? '+' : ''}`),
    waiting.oldest === undefined ? dim('-') : line`${ago(now - waiting.oldest)}`,
    count(parked.dead, red),
    count(parked.retry, yellow),
    count(parked.behind, yellow),
    count(parked.upgrade, red),
    line`${Math.min(...partitions.map(({ watermark }) => watermark))}`,
    line`${one.patterns.join(' ')}`,
  ]
}
