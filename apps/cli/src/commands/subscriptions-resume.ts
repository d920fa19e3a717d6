import { parseLength } from '../input/parse-options.ts'
import type { Attach, ExitCode } from '../session.ts'
import { green, line, yellow } from '../terminal/text.ts'

/** Lets a subscription go on that has halted. */
export const subscriptionsResumeCommand: Attach = (parent, run, host) => {
  parent
    .command('resume')
    .argument('<name>', 'the subscription')
    .description("Let a subscription go on that has halted at an event (onPoison: 'halt'); the event is tried again.")
    .option('--wait <length>', 'how long to wait for the processes that run it (default: 5s)', parseLength)
    .option('--by <name>', 'who asks, for the audit (default: the user of this machine)')
    .addHelpText('after', '\nExample:\n  tidings subscriptions resume inventory --by ada\n')
    .action(
      run((session, options, [name = '']) =>
        session.withStore(async (operations): Promise<ExitCode> => {
          const resumed = await operations.resume(name, {
            by: (options.by as string | undefined) ?? host.user,
            deadline: options.wait as number | undefined,
          })
          const { answered, open } = resumed
          if (session.json) await session.out.json(resumed)
          else if (open === 0) await session.out.line(green('Every process that runs it takes work again.'))
          else
            await session.out.line(
              yellow(
                line`${answered} partitions were answered for; ${open} were not, and go on when somebody owns them.`,
              ),
            )
          return open === 0 ? 0 : 1
        }),
      ),
    )
}
