import { parseCount, parseLength } from '../input/parse-options.ts'
import type { Attach, ExitCode } from '../session.ts'
import { green, line } from '../terminal/text.ts'

/** Lets readers see another generation. */
export const projectionsSwitchCommand: Attach = switching(
  'switch',
  'Let readers see the generation that waits, as soon as it has applied what they see already.',
  'tidings projections switch orders-by-customer',
)

/** Lets readers see the generation of before. */
export const projectionsRollbackCommand: Attach = switching(
  'rollback',
  'Let readers see the generation of before the last switch again.',
  'tidings projections rollback orders-by-customer --by ada',
)

function switching(action: 'switch' | 'rollback', description: string, example: string): Attach {
  return (parent, run, host) => {
    parent
      .command(action)
      .argument('<name>', 'the projection')
      .description(description)
      .option('--to <generation>', 'to this one', parseCount)
      .option('--force', 'although it lacks what readers see already, or did not pass its check')
      .option('--wait <length>', 'how long it may take to come up to what readers see (default: 10s)', parseLength)
      .option('--by <name>', 'who asks, for the audit (default: the user of this machine)')
      .addHelpText('after', `\nExample:\n  ${example}\n`)
      .action(
        run((session, options, [name = '']) =>
          session.withStore(async ({ projections }): Promise<ExitCode> => {
            const status = await projections[action](name, {
              generation: options.to as number | undefined,
              force: options.force === true,
              wait: options.wait as number | undefined,
              by: (options.by as string | undefined) ?? host.user,
            })
            if (session.json) await session.out.json(status)
            else await session.out.line(green(line`Readers of ${name} see generation ${status.live}.`.plain))
            return 0
          }),
        ),
      )
  }
}
