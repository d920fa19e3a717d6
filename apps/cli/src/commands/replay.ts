import type { Operations, ReplayName, ReplayProgress, ReplayRequest } from 'tidings'

import { collect, parseCount, parseLength, parseRate, parseWhen } from '../input/parse-options.ts'
import type { Attach, ExitCode, Session } from '../session.ts'
import { dim, green, line, red, yellow } from '../terminal/text.ts'

/** Runs history through a subscription again. */
export const replayCommand: Attach = (parent, run, host) => {
  const when = parseWhen(host.runtime.now())
  const place = (text: string): number | Date => (/^\d{1,16}$/.test(text) ? Number(text) : new Date(when(text)))
  parent
    .command('replay')
    .argument('<subscription>', "a subscription whose handler is declared replay: 'safe'")
    .description('Run a part of history through a subscription again, beside its live work, as a run of its own.')
    .option(
      '--from <place>',
      "after this position, or from a time such as '1d' (ago) or '2026-01-31' (default: the beginning)",
      place,
    )
    .option('--since <place>', 'the same as --from, as other commands say it', place)
    .option('--to <place>', 'up to this position, or before this time (default: the end of the log now)', place)
    .option(
      '--type <name>',
      'only events of this type or wildcard, of those the subscription hears (may be repeated)',
      collect,
    )
    .option(
      '--stream <stream>',
      "only events of this stream, as 'category/key' or 'tenant/category/key' (may be repeated)",
      collect,
    )
    .option('--tenant <tenant>', "only this tenant's events")
    .option('--rate <events>', 'at most so many events a second (default: as fast as it can)', parseRate)
    .option('--effects', 'let handlers call the outside where they have no record of a call')
    .option('--publish', 'let handlers publish their events again')
    .option('--follow <run>', 'follow this run, which was asked for before', parseCount)
    .option('--dry-run', 'only count what would be handled')
    .option('--cancel <run>', 'end this run before its end', parseCount)
    .option('--wait <length>', 'how long to wait for its end (default: as long as it takes)', parseLength)
    .option('--no-wait', 'ask and leave')
    .option('--by <name>', 'who asks, for the audit (default: the user of this machine)')
    .addHelpText('after', '\nExample:\n  tidings replay analytics --from 2026-01-01 --type order.placed --dry-run\n')
    .action(
      run((session, options, [subscription = '']) =>
        session.withStore(async (operations): Promise<ExitCode> => {
          const { replays } = operations
          if (typeof options.cancel === 'number') {
            const cancelled = await replays.cancel({ subscription, run: options.cancel })
            if (session.json) await session.out.json({ cancelled })
            else await session.out.line(cancelled ? green('Cancelled.') : yellow('It had ended already, or never was.'))
            return cancelled ? 0 : 1
          }
          const ask = async (request: ReplayRequest): Promise<ReplayName | undefined> => {
            const preview = await replays.preview(request)
            if (session.json) await session.out.json({ preview })
            else
              await session.out.line(
                line`${preview.count} events after position ${preview.after} up to ${preview.upTo}`,
              )
            if (options.dryRun === true || preview.count === 0) return undefined
            const asked = await replays.start(request)
            if (session.json) await session.out.json({ run: asked.run })
            else await session.out.line(line`asked for as run ${asked.run} of ${subscription}`)
            return options.wait === false ? undefined : asked
          }
          const from = (options.from ?? options.since) as number | Date | undefined
          const request: ReplayRequest = {
            subscription,
            ...(from === undefined ? {} : { from }),
            ...(options.to === undefined ? {} : { to: options.to as number | Date }),
            ...(options.type === undefined ? {} : { types: options.type as readonly string[] }),
            ...(options.stream === undefined ? {} : { streams: options.stream as readonly string[] }),
            ...(options.tenant === undefined ? {} : { tenant: options.tenant as string }),
            ...(options.rate === undefined ? {} : { rate: options.rate as number }),
            ...(options.effects === true ? { effects: 'allow' as const } : {}),
            ...(options.publish === true ? { publishes: 'allow' as const } : {}),
            by: (options.by as string | undefined) ?? host.user,
          }
          const replay = typeof options.follow === 'number' ? { subscription, run: options.follow } : await ask(request)
          if (replay === undefined) return 0
          return followReplay(session, operations, replay, typeof options.wait === 'number' ? options.wait : undefined)
        }),
      ),
    )
}

async function followReplay(
  session: Session,
  { replays }: Operations,
  replay: ReplayName,
  deadline: number | undefined,
): Promise<ExitCode> {
  const { subscription, run } = replay
  const bar = session.bar()
  let last: ReplayProgress | undefined
  const leave = (): void => {
    bar.clear()
    const [follow, cancel] = ['follow', 'cancel'].map((way) => `tidings replay ${subscription} --${way} ${run}`)
    if (!session.json) session.err.hint(line`${dim(`${follow} goes on watching it, ${cancel} ends it.`)}`)
  }
  try {
    for await (const progress of replays.follow(replay, { deadline, signal: session.host.signal })) {
      const { position, after, upTo, parked, unserved } = progress
      if (unserved === true && !session.json) {
        bar.clear()
        session.err.hint(
          yellow(
            `${subscription}: no running process serves this subscription, so run ${run} waits for one that does.`,
          ),
        )
      }
      last = progress
      bar.show(
        (position - after) / Math.max(1, upTo - after),
        () => `position ${position} of ${upTo}${parked > 0 ? `, ${parked} parked` : ''}`,
      )
    }
  } catch (error) {
    if (session.host.signal.aborted) leave()
    throw error
  }
  bar.clear()
  if (session.json) await session.out.json(last)
  else await session.out.line(endings[last?.state ?? 'open'])
  if (last?.state === 'open') leave()
  return last?.state === 'done' ? 0 : 1
}

const endings = {
  open: yellow('Not at its end yet; it goes on wherever the subscription runs.'),
  done: green('Done.'),
  refused: red("Refused: the subscription is not declared replay: 'safe'."),
  cancelled: dim('Cancelled by somebody.'),
}
