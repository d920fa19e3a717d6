import { spawnSync } from 'node:child_process'
import { appendFileSync, chownSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { findProgram, versionOf } from '../find-program.ts'
import { aptInstall } from '../install/apt.ts'
import type { Instance, Settings } from '../instance.ts'
import { ask } from '../probes.ts'
import { runProgram } from '../run-program.ts'
import { type Container, type Launch, type Programs, port, type ServerKind } from './kind.ts'

const user = 'tidings'
const oldest = 14
const locale = process.platform === 'linux' ? 'C.UTF-8' : 'C'

/**
 * `fsync` off: what was acknowledged survives the death of processes, not of the machine. `synchronous_commit` stays
 * on, for without it acknowledged commits are lost with the processes, too.
 */
const defaults: Settings = {
  wal_level: 'logical',
  max_wal_senders: 20,
  max_replication_slots: 20,
  max_prepared_transactions: 20,
  max_connections: 200,
  shared_buffers: '64MB',
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'on',
  jit: 'off',
}

/** PostgreSQL with logical decoding and prepared transactions; everybody from this machine is the superuser `tidings`. */
export const postgres: ServerKind = {
  name: 'postgres',
  ports: ['main'],
  goodbye: { signal: 'SIGINT', patience: 15_000 },

  find(): Programs | string {
    const server = findProgram('postgres', debianFolders())
    if (!server) return 'no postgres on PATH'
    const initdb = findProgram('initdb', [dirname(server), ...debianFolders()])
    if (!initdb) return `no initdb beside ${server}`
    return versionOf(server, '--version', / (\d+)/) >= oldest ? { server, initdb } : `${server} is older than ${oldest}`
  },

  install: (say) => aptInstall(['postgresql'], say),

  async prepare(instance, { server, initdb }): Promise<Launch[]> {
    const { folder, settings, ports } = instance
    const as = nobodyButRoot(folder)
    const data = join(folder, 'data')
    if (!existsSync(join(folder, 'whole'))) {
      rmSync(folder, { recursive: true, force: true })
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      if (as) chownSync(folder, as.uid, as.gid)
      const shape = [
        '-U',
        user,
        '--auth=trust',
        '--encoding=UTF8',
        '--locale',
        locale,
        '--no-sync',
        '--no-instructions',
      ]
      const how = { ...(as ? { user: as } : {}), cwd: folder, log: instance.log }
      await runProgram(initdb as string, ['-D', data, ...shape], how)
      const statement = `CREATE DATABASE ${user};\n`
      await runProgram(server as string, ['--single', '-D', data, 'postgres'], { ...how, input: statement })
      appendFileSync(join(data, 'postgresql.conf'), `\ninclude '../tidings.conf'\n`)
      writeFileSync(join(folder, 'whole'), '')
    }
    const own = { listen_addresses: '127.0.0.1', port: ports['main'] as number, unix_socket_directories: '' }
    writeFileSync(join(folder, 'tidings.conf'), configuration({ ...defaults, ...settings, ...own }))
    return [{ name: 'main', program: server as string, args: ['-D', data], ...(as ? { user: as } : {}) }]
  },

  container: ({ settings }): Container => ({
    image: 'postgres:17.6',
    command: [
      'postgres',
      ...Object.entries({ ...defaults, ...settings }).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    environment: { POSTGRES_USER: user, POSTGRES_HOST_AUTH_METHOD: 'trust' },
    ports: { main: 5432 },
  }),

  url: (ports) => `postgres://${user}@127.0.0.1:${ports['main']}/${user}`,

  /** Logs in: the port opens earlier, and while it recovers it refuses with an error. */
  async ready(instance: Pick<Instance, 'ports'>): Promise<boolean> {
    const answer = await ask(port(instance, 'main'), startupMessage(), (said) => said.length > 0)
    return answer?.[0] === 'R'.charCodeAt(0)
  },
}

export function configuration(settings: Settings): string {
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${String(value).replaceAll("'", "''")}'`)
  return lines.join('\n') + '\n'
}

function startupMessage(): Buffer {
  const words = Buffer.from(`user\0${user}\0database\0${user}\0\0`)
  const message = Buffer.alloc(8 + words.length)
  message.writeInt32BE(message.length, 0)
  message.writeInt32BE(3 << 16, 4)
  words.copy(message, 8)
  return message
}

function debianFolders(): string[] {
  const root = '/usr/lib/postgresql'
  if (!existsSync(root)) return []
  const versions = readdirSync(root).toSorted((a, b) => Number(b) - Number(a))
  return versions.map((version) => join(root, version, 'bin'))
}

/** PostgreSQL refuses to run as root: the package's user it is, or the one that owns nothing. */
function nobodyButRoot(folder: string): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const id = (flag: string, name: string): number => Number(spawnSync('id', [flag, name], { encoding: 'utf8' }).stdout)
  const name = spawnSync('id', ['postgres']).status === 0 ? 'postgres' : 'nobody'
  const found = { uid: id('-u', name), gid: id('-g', name) }
  const above = dirname(folder)
  if (spawnSync('/bin/sh', ['-c', 'cd "$0"', above], { ...found }).status !== 0)
    throw new Error(`PostgreSQL does not run as root, and the user '${name}' may not enter ${above}.`)
  return found
}
