import type { AskedSaga, AskSagaOptions, Operations, SagaName } from 'tidings'
import { TidingsError } from 'tidings'

import { parseLength } from '../input/parse-options.ts'
import type { Attach, ExitCode } from '../session.ts'
import { green, yellow } from '../terminal/text.ts'

interface Asking {
  readonly name: string
  readonly description: string
  readonly example: string
  readonly options?: readonly (readonly [flags: string, text: string])[]
  readonly argument?: readonly [name: string, text: string]
  ask(sagas: Operations['sagas'], name: SagaName, given: Given): Promise<AskedSaga>
}

interface Given extends AskSagaOptions {
  readonly argument: string
  readonly why?: string
  readonly skip?: boolean
  readonly step?: string
  readonly data?: string
}

const askings: readonly Asking[] = [
  {
    name: 'cancel',
    description: 'Let a saga that runs take everything back, and end.',
    example: 'tidings sagas cancel order-fulfilment o-17 --why "customer called"',
    options: [['--why <text>', 'what its history should say']],
    ask: (sagas, name, { why, by, deadline }) => sagas.cancel(name, { why, by, deadline }),
  },
  {
    name: 'resume',
    description: 'Let a stuck saga try the compensation again that has failed.',
    example: 'tidings sagas resume order-fulfilment o-17',
    options: [['--skip', 'somebody has taken it back by hand: go on with the next']],
    ask: (sagas, name, { skip, by, deadline }) => sagas.resume(name, { skip, by, deadline }),
  },
  {
    name: 'retry',
    description: 'Try now what waits for another try.',
    example: 'tidings sagas retry order-fulfilment o-17 --step charge',
    options: [['--step <name>', 'only this step']],
    ask: (sagas, name, { step, by, deadline }) => sagas.retry(name, { step, by, deadline }),
  },
  {
    name: 'signal',
    description: 'Tell a saga that what a step waits for has happened, or signal one that reacts.',
    example: `tidings sagas signal order-fulfilment o-17 approval --data '{"by":"ada"}'`,
    argument: ['<signal>', 'the step that waits, or the name of the signal'],
    options: [['--data <json>', 'what the event would have carried']],
    ask: (sagas, name, { argument, data, by, deadline }) =>
      sagas.signal(name, { name: argument, data: parsed(data) }, { by, deadline }),
  },
]

/** What operators ask of one saga; each by an event that the saga hears. */
export const sagasAskCommands: readonly Attach[] = askings.map(
  (asking): Attach =>
    (parent, run, host) => {
      const command = parent
        .command(asking.name)
        .argument('<saga>', 'its definition')
        .argument('<key>', 'its key')
        .description(asking.description)
      if (asking.argument !== undefined) command.argument(...asking.argument)
      for (const [flags, text] of asking.options ?? []) command.option(flags, text)
      command
        .option('--tenant <id>', 'whose it is')
        .option('--wait <length>', 'how long to wait until it has taken it up (default: 5s)', parseLength)
        .option('--by <name>', 'who asks, for the audit (default: the user of this machine)')
        .addHelpText('after', `\nExample:\n  ${asking.example}\n`)
        .action(
          run((session, options, [saga = '', key = '', argument = '']) =>
            session.withStore(async (operations): Promise<ExitCode> => {
              const { tenant, by, wait, ...given } = options as { tenant?: string; by?: string; wait?: number } & Omit<
                Given,
                'argument'
              >
              const asked = await asking.ask(
                operations.sagas,
                { saga, key, tenant },
                { ...given, argument, by: by ?? host.user, deadline: wait ?? 5_000 },
              )
              if (session.json) await session.out.json(asked)
              else if (asked.taken) await session.out.line(green(`It is ${asked.saga.status} now.`))
              else
                await session.out.line(
                  yellow('Nobody runs it at the moment; it will be taken up as soon as somebody does.'),
                )
              return asked.taken ? 0 : 1
            }),
          ),
        )
    },
)

function parsed(data: string | undefined): unknown {
  if (data === undefined) return undefined
  try {
    return JSON.parse(data) as unknown
  } catch {
    throw new TidingsError('TIDINGS_INVALID_OPTION', 'Expected `--data` to be JSON.', { details: { field: 'data' } })
  }
}
