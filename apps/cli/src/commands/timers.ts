import type { ScheduleDocument, ScheduledEvent } from 'tidings'

import { parseCount } from '../input/parse-options.ts'
import type { Attach, ExitCode } from '../session.ts'
import { timeOf } from '../terminal/event-line.ts'
import { table } from '../terminal/table.ts'
import { tellMore } from '../terminal/tell-more.ts'
import { cyan, dim, green, line, red, type Text, yellow } from '../terminal/text.ts'
import { widthOf } from './tail.ts'

/** What waits for its time: schedules, and events that are published later. */
export const timersCommand: Attach = (parent, run, host) => {
  const command = parent
    .command('timers')
    .description('List schedules and events that wait for their time; pause, resume, trigger, cancel.')
    .option('-n, --limit <count>', 'at most this many events (default: 20)', parseCount)
    .addHelpText('after', '\nExample:\n  tidings timers --json\n')
    .action(
      run((session, options) =>
        session.withStore(async (operations): Promise<ExitCode> => {
          const schedules = await operations.schedules.list()
          const limit = (options.limit as number | undefined) ?? 20
          const found = await operations.timers.list(limit + 1)
          const events = found.slice(0, limit)
          if (session.json) {
            for (const schedule of schedules) await session.out.json({ schedule })
            for (const event of events) await session.out.json({ event })
          } else {
            const width = widthOf(session.out)
            for (const row of schedules.length === 0 ? [] : table(scheduleColumns, schedules.map(scheduleRow), width))
              await session.out.line(row)
            for (const row of events.length === 0 ? [] : table(eventColumns, events.map(eventRow), width))
              await session.out.line(row)
            if (schedules.length + found.length === 0) await session.err.line(dim('Nothing waits for its time.'))
          }
          if (found.length > limit) await tellMore(session, 'More events wait: ask for more with --limit.')
          return 0
        }),
      ),
    )
  for (const [name, description, said] of scheduleCommands) {
    command
      .command(name)
      .argument('<schedule>', 'its name')
      .description(description)
      .option('--by <name>', 'who asks, for the audit (default: the user of this machine)')
      .addHelpText('after', `\nExample:\n  tidings timers ${name} daily-report\n`)
      .action(
        run((session, options, [schedule = '']) =>
          session.withStore(async (operations): Promise<ExitCode> => {
            const by = (options.by as string | undefined) ?? host.user
            const changed = await operations.schedules[name](schedule, { by })
            if (session.json) await session.out.json(changed)
            else await session.out.line(green(said))
            return 0
          }),
        ),
      )
  }
  command
    .command('cancel')
    .argument('<id>', 'an event that waits, as `timers` names it')
    .description('Take an event back that is to be published later.')
    .option('--by <name>', 'who asks, for the audit (default: the user of this machine)')
    .addHelpText('after', '\nExample:\n  tidings timers cancel /shop/0198c1d2\n')
    .action(
      run((session, options, [id = '']) =>
        session.withStore(async (operations): Promise<ExitCode> => {
          const by = (options.by as string | undefined) ?? host.user
          const cancelled = await operations.timers.cancel(id, { by })
          if (session.json) await session.out.json({ cancelled })
          else await session.out.line(cancelled ? green('Taken back.') : yellow('It has been published, or never was.'))
          return cancelled ? 0 : 1
        }),
      ),
    )
}

const scheduleCommands = [
  ['pause', 'Let a schedule rest until it is resumed.', 'It rests.'],
  ['resume', 'Let a schedule go on that was paused.', 'It goes on.'],
  [
    'trigger',
    'Ask for a run of a schedule now, beside its times.',
    'Asked for; whichever process looks first makes it.',
  ],
] as const

const scheduleColumns = [
  { title: 'schedule' },
  { title: 'cron' },
  { title: 'zone' },
  { title: 'next' },
  { title: 'last' },
  { title: 'runs', right: true },
]

function scheduleRow(one: ScheduleDocument): Text[] {
  return [
    cyan(one.name),
    line`${one.cron}`,
    line`${one.timezone}`,
    one.paused ? yellow('paused') : one.due === undefined ? dim('never') : line`${timeOf(one.due)}`,
    one.last === undefined ? dim('-') : line`${timeOf(one.last)}`,
    line`${one.runs}`,
  ]
}

const eventColumns = [{ title: 'event' }, { title: 'type' }, { title: 'stream' }, { title: 'at' }]

function eventRow(one: ScheduledEvent): Text[] {
  return [
    line`${one.id}`,
    cyan(one.type),
    line`${one.tenant === '' ? '' : `${one.tenant}/`}${one.category}/${one.key}`,
    one.failed === undefined ? line`${timeOf(one.at)}` : red(`refused: ${one.failed}`),
  ]
}
