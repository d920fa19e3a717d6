import { type ParkedDetail, TidingsError } from 'tidings'

import type { Attach, ExitCode, Session } from '../session.ts'
import { timeOf } from '../terminal/event-line.ts'
import { safeJson } from '../terminal/safe-text.ts'
import { bold, cyan, dim, line, red, safeLines, yellow } from '../terminal/text.ts'

/** All there is to know about one parked event. */
export const parkedShowCommand: Attach = (parent, run, host) => {
  parent
    .command('show')
    .argument('<id>', 'a parked event, as `parked list` names it, or the id of an event')
    .description('Show a parked event: why it is parked, its data, what waits behind it.')
    .option('--reveal', 'sensitive data as it is; the audit keeps who looked')
    .option('--by <name>', 'who looks (default: the user of this machine)')
    .addHelpText('after', '\nExample:\n  tidings parked show inventory/0/3/1042\n')
    .action(
      run((session, options, [id = '']) =>
        session.withStore(async (operations): Promise<ExitCode> => {
          const ids = /^[^/]+\/\d+\/\d+\/\d+$/.test(id)
            ? [id]
            : (await operations.parked.list({ eventId: id })).items.map((item) => item.id)
          if (ids.length === 0)
            throw new TidingsError(
              'TIDINGS_NOT_FOUND',
              `Nothing is parked as ${id.slice(0, 200)}, and no event of this id is.`,
              { details: { field: 'id' } },
            )
          const by = (options.by as string | undefined) ?? host.user
          for (const one of ids) {
            const detail = await operations.parked.show(one, { reveal: options.reveal === true, by })
            if (session.json) await session.out.json(detail)
            else await tell(session, detail)
          }
          return 0
        }),
      ),
    )
}

async function tell({ out }: Session, detail: ParkedDetail): Promise<void> {
  const { error, event, unreadable, owner } = detail
  const stream = `${detail.tenant === '' ? '' : `${detail.tenant}/`}${detail.category}/${detail.key}`
  await out.line(
    line`${cyan(detail.id)}  ${detail.state === 'dead' ? red(detail.state) : yellow(detail.state)}  ${bold(detail.type)}  ${stream}`,
  )
  await out.line(line`  event ${detail.eventId}`)
  const due = detail.due === undefined ? '' : `, runs again ${timeOf(detail.due)}`
  await out.line(line`  ${detail.attempts} attempts, parked ${timeOf(detail.parkedAt)}${due}`)
  if (detail.blockedBy !== undefined) await out.line(line`  waits for ${cyan(detail.blockedBy)}`)
  if (detail.behind > 0) await out.line(line`  ${detail.behind} of its stream wait behind it`)
  await out.line(line`  owner ${owner.state}${'instance' in owner ? `: ${owner.instance}` : ''}`)
  for (const request of detail.requests)
    await out.line(line`  ${request.action} asked by ${request.by} at ${timeOf(request.at)}, not carried out yet`)
  if (error !== undefined) {
    await out.line(
      line`  ${red(error.name)}${error.code === undefined ? '' : ` ${error.code}`} ${dim(error.fingerprint)}`,
    )
    for (const part of safeLines(error.stack ?? error.message)) await out.line(line`    ${part}`)
  }
  if (unreadable !== undefined) await out.line(line`  ${red(unreadable.code)}: ${unreadable.message}`)
  if (event === undefined) return
  await out.line(
    line`  ${event.source} ${event.version} at ${event.time}${event.masked ? ' (sensitive data masked)' : ''}`,
  )
  await out.line(line`  context ${safeJson(JSON.stringify(event.context))}`)
  for (const part of (JSON.stringify(event.data, undefined, 2) ?? '').split('\n'))
    await out.line(line`  ${safeJson(part)}`)
}
