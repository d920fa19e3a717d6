import type { SagaDetail, ShownStep } from 'tidings'

import type { Attach, ExitCode, Session } from '../session.ts'
import { timeOf } from '../terminal/event-line.ts'
import { safeJson } from '../terminal/safe-text.ts'
import { bold, cyan, dim, green, line, red, type Text, yellow } from '../terminal/text.ts'
import { statusText } from './sagas-list.ts'

/** All there is to know about one saga. */
export const sagasShowCommand: Attach = (parent, run, host) => {
  parent
    .command('show')
    .argument('<saga>', 'its definition')
    .argument('<key>', 'its key')
    .description('Show a saga: its steps and those to come, its timers, and how its state has changed.')
    .option('--tenant <id>', 'whose it is')
    .option('--reveal', 'sensitive data as it is; the audit keeps who looked')
    .option('--by <name>', 'who looks (default: the user of this machine)')
    .addHelpText('after', '\nExample:\n  tidings sagas show user-registration u-17\n')
    .action(
      run((session, options, [saga = '', key = '']) =>
        session.withStore(async (operations): Promise<ExitCode> => {
          const { tenant, by, reveal } = options as { tenant?: string; by?: string; reveal?: boolean }
          const detail = await operations.sagas.show({ saga, key, tenant }, { reveal, by: by ?? host.user })
          if (session.json) await session.out.json(detail)
          else await tell(session, detail)
          return 0
        }),
      ),
    )
}

async function tell({ out }: Session, saga: SagaDetail): Promise<void> {
  const name = `${saga.tenant === '' ? '' : `${saga.tenant}/`}${saga.key}`
  await out.line(
    line`${cyan(saga.saga)}  ${bold(name)}  ${statusText(saga.status)}  ${dim(`run ${saga.run}, version ${saga.version}`)}`,
  )
  await out.line(line`  started ${timeOf(saga.startedAt)} by ${saga.startedBy}`)
  if (saga.reason !== undefined)
    await out.line(
      line`  ${saga.reason.what}${saga.reason.step === undefined ? '' : ` (${saga.reason.step})`}: ${saga.reason.message}`,
    )
  await out.line(line`  data ${safeJson(JSON.stringify(saga.data))}`)
  if (saga.state !== undefined) await out.line(line`  state ${safeJson(JSON.stringify(saga.state))}`)
  for (const step of saga.steps)
    await out.line(line`  ${marks[step.is] ?? dim('·')} ${step.name} ${dim(step.is)} ${noteOf(step)}`)
  for (const timer of saga.timers) await out.line(line`  timer ${timer.name} at ${timeOf(timer.at)}`)
  if (saga.early.length > 0) await out.line(line`  came before their step: ${saga.early.join(', ')}`)
  if (saga.forgotten > 0) await out.line(dim(`  (${saga.forgotten} earlier changes are forgotten)`))
  for (const { at, type, changes } of saga.history) {
    await out.line(line`  ${dim(timeOf(at))} ${type}`)
    for (const { path, from, to } of changes)
      await out.line(
        line`    ${path}: ${from === undefined ? dim('-') : short(from)} → ${to === undefined ? dim('-') : short(to)}`,
      )
  }
}

const marks: Readonly<Record<string, Text>> = {
  done: green('✓'),
  undone: yellow('↩'),
  running: cyan('▶'),
  undoing: yellow('▶'),
  waiting: cyan('…'),
  retrying: yellow('…'),
  'undo-retrying': yellow('…'),
  failed: red('✗'),
  'undo-failed': red('✗'),
}

function noteOf(step: ShownStep): Text {
  if ('error' in step) return line`${step.tries} tries: ${step.error}`
  return step.result === undefined ? line`` : line`→ ${short(step.result)}`
}

/** States are long; what they are and since when says most. */
function short(value: unknown): string {
  const text = safeJson(JSON.stringify(value))
  return text.length > 120 ? `${text.slice(0, 119)}…` : text
}
