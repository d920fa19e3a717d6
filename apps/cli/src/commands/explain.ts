import type { Explanation, Standing, SubscriptionExplanation } from 'tidings'

import type { Attach, ExitCode, Session } from '../session.ts'
import { shortId, timeOf } from '../terminal/event-line.ts'
import { bold, cyan, dim, green, line, red, type Text, yellow } from '../terminal/text.ts'

/** Who has to do with an event, and where it is. */
export const explainCommand: Attach = (parent, run) => {
  parent
    .command('explain')
    .argument('<id>', 'id of an event')
    .description('Say which subscriptions an event concerns, which not and why, and where it is for each.')
    .addHelpText('after', '\nExample:\n  tidings explain 019aa2c4-7d3e-7c11-b8a0-2f5a7c9e1d10\n')
    .action(
      run((session, _options, [id = '']) =>
        session.withStore(async (operations): Promise<ExitCode> => {
          for (const explanation of await operations.explain(id)) {
            if (session.json) await session.out.json(explanation)
            else await tell(session, explanation)
          }
          return 0
        }),
      ),
    )
}

async function tell({ out }: Session, { event, subscriptions }: Explanation): Promise<void> {
  const tenant = event.tenant === '' ? '' : `${event.tenant}/`
  await out.line(line`${bold(event.type)} ${tenant}${event.category}/${event.key}`)
  await out.line(line`  id ${event.id} from ${event.source} at ${timeOf(event.time)}`)
  await out.line(
    line`  position ${event.position}, version ${event.streamVersion} of its stream, partition ${event.partition}`,
  )
  await out.line(
    line`  correlation ${event.correlation}${event.causation === '' ? '' : `, caused by ${event.causation}`}`,
  )
  if (subscriptions.length === 0) await out.line(dim('  No subscription was ever registered in this store.'))
  const width = Math.max(0, ...subscriptions.map(({ name }) => name.length))
  for (const one of subscriptions) {
    await out.line(line`  ${cyan(one.name).padded(width)}  ${label(one.standing)}  ${one.why}`)
    for (const detail of details(one)) await out.line(line`  ${' '.repeat(width)}  ${' '.repeat(widest)}  ${detail}`)
  }
}

const labels: Readonly<Record<Standing, (text: string) => Text>> = {
  'no-match': dim,
  'before-start': dim,
  handled: green,
  dropped: yellow,
  parked: red,
  waiting: yellow,
}

const widest = Math.max(...Object.keys(labels).map((name) => name.length))

function label(standing: Standing): Text {
  return labels[standing](standing).padded(widest)
}

function details({ parked, owner }: SubscriptionExplanation): Text[] {
  const told: Text[] = []
  if (parked !== undefined) {
    const due = parked.due === undefined ? '' : `, due ${timeOf(parked.due)}`
    told.push(line`${parked.id}: ${parked.state}, ${parked.attempts} attempts${due}`)
    if (parked.error !== undefined)
      told.push(line`${parked.error.name}: ${parked.error.message} ${dim(parked.error.fingerprint)}`.cut(400))
  }
  if (owner !== undefined && 'instance' in owner) told.push(dim(`instance ${shortId(owner.instance)} ${owner.state}`))
  return told
}
