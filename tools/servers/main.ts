import { rmSync } from 'node:fs'
import { allInstances, type Instance, readInstance } from './instance.ts'
import { kinds } from './kinds/all.ts'
import { removeInstance } from './life.ts'
import { withLock } from './lock.ts'
import { launcherOf } from './obtain.ts'
import { places } from './places.ts'
import { isAlive } from './process-identity.ts'
import { say } from './say.ts'
import { isServerName, type ServerName, serverNames, titles, urlOfEnvironment, variables } from './server-names.ts'
import { ensureShared, killShared, restartShared, shutdownShared, sweep } from './shared.ts'
import { type Row, statusTable } from './status-table.ts'

const usage = `npm run servers -- COMMAND [NAME …]

  up [NAME …]      start them, installing what is missing, and wait until they serve clients
  down [NAME …]    stop them in an orderly way; their data stay
  kill NAME        SIGKILL; its data stay
  restart NAME     stop and start, or start again after a kill: same port, same data
  status           what runs, and where
  env [NAME …]     addresses as shell commands: eval "$(npm run --silent servers -- env)"
  wipe [NAME …]    kill them and remove their data

  Names: ${serverNames.join(', ')}. Without names: all of them.`

/** `chosen`: somebody wrote the names, and means them. */
type Command = (names: readonly ServerName[], chosen: boolean) => Promise<void>

const commands: Readonly<Record<string, Command>> = {
  async up(names) {
    const rows = await Promise.all(names.map(up))
    console.log(statusTable(rows.map((row) => (row.why === undefined ? row : { ...row, note: 'see below' }))))
    for (const { server, why } of rows) if (why !== undefined) console.log(`\n${server} could not be had: ${why}`)
    if (rows.some(({ why }) => why !== undefined)) process.exitCode = 1
  },

  async down(names, chosen) {
    await Promise.all(
      unlessTested(names, chosen).map(async (name) =>
        say(`${titles[name]} ${(await shutdownShared(name)) ? 'stopped' : 'was not running'}`),
      ),
    )
  },

  async kill([name]) {
    await killShared(name as ServerName)
    say(`${titles[name as ServerName]} killed`)
  },

  async restart([name]) {
    await restartShared(name as ServerName)
    console.log(statusTable([await status(name as ServerName)]))
  },

  async status() {
    const own = allInstances().filter(({ id }) => !isServerName(id))
    console.log(statusTable(await Promise.all([...serverNames.map(status), ...own.map(statusOfOwn)])))
  },

  async env(names) {
    for (const name of names) {
      const { url } = await status(name)
      if (url !== undefined) console.log(`export ${variables[name]}='${url}'`)
    }
  },

  async wipe(all, chosen) {
    const names = unlessTested(all, chosen)
    await Promise.all(
      names.map((name) =>
        withLock(`server-${name}`, async () => {
          const instance = readInstance(name)
          if (instance) await removeInstance(instance)
          rmSync(`${places().logs}/${name}.log`, { force: true })
        }),
      ),
    )
    await sweep()
    say(names.length > 0 ? `wiped: ${names.map((name) => titles[name]).join(', ')}` : 'nothing to wipe')
  },
}

/** Who clears everything away does not mean the tests that run in another terminal. */
function unlessTested(names: readonly ServerName[], chosen: boolean): ServerName[] {
  return names.filter((name) => {
    const tested = readInstance(name)?.users.some(isAlive) ?? false
    if (tested && !chosen) say(`${titles[name]} is left to the test run that uses it; name it to stop it all the same`)
    return chosen || !tested
  })
}

async function up(name: ServerName): Promise<Row & { why?: string }> {
  const began = performance.now()
  const had = await ensureShared(name, { keep: true, say })
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  const server = titles[name]
  if ('missing' in had) return { server, state: 'missing', why: had.missing }
  say(`${server} is ready after ${seconds} s`)
  return { server, state: 'ready', url: had.url, note: had.how }
}

async function status(name: ServerName): Promise<Row> {
  const server = titles[name]
  const given = urlOfEnvironment(name)
  if (given !== undefined) return { server, state: 'given', url: given, note: `from ${variables[name]}` }
  const instance = readInstance(name)
  return instance ? stateOf(instance) : { server, state: 'down' }
}

async function statusOfOwn(instance: Instance): Promise<Row> {
  return { ...(await stateOf(instance)), server: instance.id, note: `a test’s own, process ${instance.users[0]?.pid}` }
}

async function stateOf(instance: Instance): Promise<Row> {
  const name = instance.kind
  const server = titles[name]
  const url = kinds[name].url(instance.ports)
  if (!(await launcherOf(instance).isRunning(instance)))
    return { server, state: 'down', note: `keeps its data and port ${instance.ports['main']}` }
  const main = instance.processes['main']
  const where = instance.from === 'compose' ? 'Docker Compose' : `process ${main?.pid}`
  const note = instance.keep ? where : `${where}, for a test run`
  return { server, state: (await kinds[name].ready(instance)) ? 'ready' : 'busy', url, note }
}

/** What is wrong with the words of a command line, if anything is. */
export function parseCommand(
  words: readonly string[],
): { command: string; names: ServerName[]; chosen: boolean } | { wrong: string } {
  const [command = '', ...rest] = words
  if (!(command in commands) || !Object.hasOwn(commands, command)) return { wrong: usage }
  const unknown = rest.find((word) => !isServerName(word))
  if (unknown !== undefined) return { wrong: `There is no server '${unknown}'. Names: ${serverNames.join(', ')}.` }
  const names = [...new Set(rest.filter(isServerName))]
  if (['kill', 'restart'].includes(command) && names.length !== 1) return { wrong: `${command} takes one name.` }
  return names.length > 0 ? { command, names, chosen: true } : { command, names: [...serverNames], chosen: false }
}

if (import.meta.main) {
  const parsed = parseCommand(process.argv.slice(2))
  if ('wrong' in parsed) {
    console.error(parsed.wrong)
    process.exitCode = 2
  } else {
    try {
      await commands[parsed.command]?.(parsed.names, parsed.chosen)
    } catch (error) {
      console.error(error instanceof Error ? error.message : error)
      process.exitCode = 1
    }
  }
}
