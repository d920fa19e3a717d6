import type { Attach, ExitCode } from '../session.ts'
import { green, yellow } from '../terminal/text.ts'

/** Gives up a build. */
export const projectionsCancelCommand: Attach = (parent, run, host) => {
  parent
    .command('cancel')
    .argument('<name>', 'the projection')
    .description('Give up the build that is under way, or waits to be switched to.')
    .option('--by <name>', 'who asks, for the audit (default: the user of this machine)')
    .addHelpText('after', '\nExample:\n  tidings projections cancel orders-by-customer\n')
    .action(
      run((session, options, [name = '']) =>
        session.withStore(async ({ projections }): Promise<ExitCode> => {
          const cancelled = await projections.cancel(name, { by: (options.by as string | undefined) ?? host.user })
          if (session.json) await session.out.json({ cancelled })
          else
            await session.out.line(
              cancelled ? green('Given up; what it has built goes.') : yellow('No build is under way, and none waits.'),
            )
          return cancelled ? 0 : 1
        }),
      ),
    )
}
