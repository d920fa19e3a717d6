import { parseCount, parseLength } from '../input/parse-options.ts'
import type { Attach, ExitCode } from '../session.ts'
import { green, line, red, yellow } from '../terminal/text.ts'

/** Builds a projection anew beside what readers see. */
export const projectionsRebuildCommand: Attach = (parent, run, host) => {
  parent
    .command('rebuild')
    .argument('<name>', 'the projection')
    .description('Build a projection anew beside what readers see, compare, and switch when both hold the same.')
    .option('--of <version>', 'the version to build (default: the one that readers see)', parseCount)
    .option('--rate <positions>', 'go through at most so many positions of the log a second', parseCount)
    .option('--no-switch', 'wait for `projections switch` when it is ready')
    .option('--wait <length>', 'how long to wait for its end (default: as long as it takes)', parseLength)
    .option('--no-wait', 'ask and leave')
    .option('--by <name>', 'who asks, for the audit (default: the user of this machine)')
    .addHelpText('after', '\nExample:\n  tidings projections rebuild orders-by-customer --rate 5000\n')
    .action(
      run((session, options, [name = '']) =>
        session.withStore(async ({ projections }): Promise<ExitCode> => {
          const generation = await projections.rebuild(name, {
            version: options.of as number | undefined,
            rate: options.rate as number | undefined,
            switch: options.switch === false ? 'manual' : 'auto',
            by: (options.by as string | undefined) ?? host.user,
          })
          if (session.json) await session.out.json({ generation })
          else await session.out.line(line`asked for as generation ${generation} of ${name}`)
          if (options.wait === false) return 0
          const bar = session.bar()
          const deadline = typeof options.wait === 'number' ? options.wait : undefined
          for await (const status of projections.follow(name, { deadline, signal: session.host.signal })) {
            const one = status.generations.find(({ number }) => number === generation)
            if (one === undefined) break
            if (session.json) await session.out.json(status)
            bar.show(one.state === 'asked' ? undefined : one.share, () =>
              one.state === 'asked'
                ? 'no process has begun it yet'
                : `position ${one.position} of ${status.head}${one.eta === undefined ? '' : `, ${Math.ceil(one.eta / 1_000)} s left`}`,
            )
          }
          bar.clear()
          const after = (await projections.progress(name)).generations.find(({ number }) => number === generation)
          const state = after?.state ?? 'leaving'
          const says = after?.parity === undefined ? '' : ` ${after.parity.says}`
          if (session.json) await session.out.json(after ?? { number: generation, state })
          else if (state === 'live') await session.out.line(green(`Readers see it.${says}`))
          else if (state === 'ready')
            await session.out.line(yellow(`It waits for \`tidings projections switch\`.${says}`))
          else if (state === 'leaving') await session.out.line(red('Given up by somebody.'))
          else
            await session.out.line(yellow(`Not at its end yet (${state}); it goes on wherever the projection is used.`))
          return state === 'live' || (state === 'ready' && options.switch === false) ? 0 : 1
        }),
      ),
    )
}
