import { isTidingsError } from 'tidings'

import { fileOf } from '../require-file.ts'
import type { Attach, ExitCode, Session } from '../session.ts'
import { green, line, red, yellow } from '../terminal/text.ts'
import { version } from '../version.ts'

type Level = 'ok' | 'warn' | 'bad'

interface Found {
  readonly check: string
  readonly level: Level
  readonly says: string
}

/** Most findings told of one check. */
const most = 20

/** Looks at everything that can be unsound, and changes nothing. */
export const doctorCommand: Attach = (parent, run) => {
  parent
    .command('doctor')
    .description('Check the store: its file, its answers, who runs subscriptions, what lags and what is parked.')
    .option('--quick', 'leave out the file itself, which is read as a whole')
    .option('--strict', 'count warnings as unsound too')
    .addHelpText('after', '\nExample:\n  tidings doctor --url sqlite:./tidings.db\n')
    .action(
      run(async (session, options): Promise<ExitCode> => {
        const levels = new Set<Level>()
        for await (const found of findings(session, options.quick === true)) {
          levels.add(found.level)
          if (session.json) await session.out.json(found)
          else await session.out.line(line`${marks[found.level]} ${found.check}: ${found.says}`)
        }
        const unsound = levels.has('bad') || (options.strict === true && levels.has('warn'))
        if (!session.json)
          await session.out.line(
            unsound
              ? red('Something is unsound.')
              : levels.has('warn')
                ? yellow('Sound, with warnings.')
                : green('All is well.'),
          )
        return unsound ? 1 : 0
      }),
    )
}

const marks = { ok: green('ok  '), warn: yellow('warn'), bad: red('bad ') }

async function* findings(session: Session, quick: boolean): AsyncGenerator<Found> {
  yield {
    check: 'versions',
    level: 'ok',
    says: `tidings ${version}, Node ${process.versions.node}, SQLite ${process.versions.sqlite ?? 'none'}`,
  }
  const file = fileOf(session.url)
  if (file !== undefined && !quick) yield* inspectFile(session, file)
  session.host.signal.throwIfAborted()
  try {
    yield* await session.withStore(async (operations) => {
      const { store, instances, subscriptions, findings: all } = await operations.status()
      const alive = instances.filter((one) => one.alive).length
      const found: Found[] = [
        {
          check: 'store',
          level: 'ok',
          says: `${store.name}, ${store.partitions} partitions, answers in ${store.answersIn.toFixed(1)} ms; ${store.head} is the last position`,
        },
        { check: 'instances', level: 'ok', says: `${alive} alive, ${instances.length - alive} gone` },
        { check: 'subscriptions', level: 'ok', says: `${subscriptions.length} registered` },
      ]
      for (const { level, about, says } of all) found.push({ check: about, level, says })
      return found
    })
  } catch (error) {
    if (!isTidingsError(error)) throw error
    yield { check: 'store', level: 'bad', says: `${error.code}: ${error.message}` }
  }
}

async function* inspectFile(session: Session, file: string): AsyncGenerator<Found> {
  const { inspectSqlite } = await import('@tidings/sqlite')
  const bar = session.bar()
  try {
    const {
      events,
      streams,
      documents,
      schemaVersion,
      findings: all,
      more,
    } = await inspectSqlite(file, {
      signal: session.host.signal,
      progress: ({ step, done, total }) =>
        bar.show(total === 0 ? 1 : done / total, () => `${step} ${done} of ${total}`),
    })
    bar.clear()
    const sound = all.length === 0 && more === 0
    if (sound)
      yield {
        check: 'file',
        level: 'ok',
        says: `${events} events in ${streams} streams, ${documents} documents, schema ${schemaVersion}`,
      }
    for (const { kind, table, row, message } of all.slice(0, most))
      yield { check: `file ${kind}`, level: 'bad', says: `${table}, ${row}: ${message}` }
    const rest = all.length - most + more
    if (rest > 0) yield { check: 'file', level: 'bad', says: `${rest} findings more` }
  } catch (error) {
    bar.clear()
    if (!isTidingsError(error)) throw error
    yield { check: 'file', level: 'bad', says: `${error.code}: ${error.message}` }
  }
}
