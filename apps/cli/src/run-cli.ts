import { Command, CommanderError } from 'commander'

import type { CliHost } from './cli-host.ts'
import { completionCommand } from './commands/completion.ts'
import { doctorCommand } from './commands/doctor.ts'
import { eventsCommand } from './commands/events.ts'
import { explainCommand } from './commands/explain.ts'
import { parkedDropCommand } from './commands/parked-drop.ts'
import { parkedListCommand } from './commands/parked-list.ts'
import { parkedRedriveCommand } from './commands/parked-redrive.ts'
import { parkedShowCommand } from './commands/parked-show.ts'
import { projectionsCancelCommand } from './commands/projections-cancel.ts'
import { projectionsListCommand } from './commands/projections-list.ts'
import { projectionsRebuildCommand } from './commands/projections-rebuild.ts'
import { projectionsRollbackCommand, projectionsSwitchCommand } from './commands/projections-switch.ts'
import { publishCommand } from './commands/publish.ts'
import { replayCommand } from './commands/replay.ts'
import { sagasAskCommands } from './commands/sagas-ask.ts'
import { sagasListCommand } from './commands/sagas-list.ts'
import { sagasShowCommand } from './commands/sagas-show.ts'
import { subscriptionsCommand } from './commands/subscriptions.ts'
import { tailCommand } from './commands/tail.ts'
import { timersCommand } from './commands/timers.ts'
import { reportError } from './report-error.ts'
import { type Attach, type ExitCode, type GlobalOptions, Session } from './session.ts'
import { ReaderGone } from './terminal/output.ts'
import { version } from './version.ts'

const parked: readonly Attach[] = [parkedListCommand, parkedShowCommand, parkedRedriveCommand, parkedDropCommand]
const projections: readonly Attach[] = [
  projectionsListCommand,
  projectionsRebuildCommand,
  projectionsSwitchCommand,
  projectionsRollbackCommand,
  projectionsCancelCommand,
]
const sagas: readonly Attach[] = [sagasListCommand, sagasShowCommand, ...sagasAskCommands]
const commands: readonly Attach[] = [tailCommand, publishCommand, eventsCommand, explainCommand, subscriptionsCommand]
const later: readonly Attach[] = [timersCommand, replayCommand, doctorCommand, completionCommand]

/** Runs one command line, without the names of program and script, and answers its exit code. Never throws, never exits the process. */
export async function runCli(args: readonly string[], host: CliHost): Promise<ExitCode> {
  let code: ExitCode = 0
  const program = new Command('tidings')
  // Known before anything is parsed, so that mistakes of the line itself are told in the way it asks for.
  const early = new Session(host, {
    json: args.includes('--json'),
    debug: args.includes('--debug'),
    ...(args.includes('--no-color') ? { color: false } : {}),
  })
  program
    .description('Watch, publish, explain and mend the events of a Tidings store.')
    .version(version, '-V, --version', 'say which version this is')
    .option('--url <url>', 'the store, such as sqlite:./tidings.db (default: TIDINGS_URL)')
    .option('--json', 'one JSON value a line instead of text for people')
    .option('--debug', 'tell the stack of an error too')
    .option('--no-color', 'no colours (also NO_COLOR)')
    .helpOption('-h, --help', 'explain this command')
    .helpCommand('help [command]', 'explain a command')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', '\nExit codes: 0 fine, 1 something was refused or is unsound, 2 the command line is wrong.\n')

  const run =
    (action: Parameters<Parameters<Attach>[1]>[0]) =>
    async (...given: unknown[]): Promise<void> => {
      const command = given.at(-1) as Command
      const options = command.optsWithGlobals() as GlobalOptions & Record<string, unknown>
      code = await action(new Session(host, options), options, command.args)
    }
  for (const attach of commands) attach(program, run, host)
  const group = program.command('parked').description('Events that were set aside: list, show, redrive, drop.')
  for (const attach of parked) attach(group, run, host)
  const models = program.command('projections').description('Read models: list, rebuild, switch, rollback, cancel.')
  for (const attach of projections) attach(models, run, host)
  const steering = program.command('sagas').description('Sagas: list, show, cancel, resume, retry, signal.')
  for (const attach of sagas) attach(steering, run, host)
  for (const attach of later) attach(program, run, host)
  quiet(program, host)

  try {
    await program.parseAsync([...args], { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version were asked for and have been written.
      if (error.exitCode === 0) return 0
      if (error.code === 'commander.help') return 2
    }
    return error instanceof ReaderGone ? 0 : reportError(error, early.err, early)
  }
}

/** Commander throws instead of exiting, writes help where we write, and leaves mistakes to us. */
function quiet(command: Command, host: CliHost): void {
  command.exitOverride()
  command.configureOutput({
    writeOut: (text) => void host.stdout.write(text),
    writeErr: (text) => void host.stderr.write(text),
    outputError: () => {},
    getOutHelpWidth: () => host.stdout.columns ?? 100,
    getErrHelpWidth: () => host.stderr.columns ?? 100,
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  })
  for (const one of command.commands) quiet(one, host)
}
