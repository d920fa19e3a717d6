import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { findProgram, realProgram } from '../find-program.ts'
import { aptInstall } from '../install/apt.ts'
import type { Instance, Settings } from '../instance.ts'
import { ask } from '../probes.ts'
import { type Container, type Launch, type Programs, port, type ServerKind } from './kind.ts'

const account = 'tidings'
/** Debian's program on PATH changes its user and writes below /var; this one does as it is told. */
const debianFolder = '/usr/lib/rabbitmq/bin'
/** Between two schedulers' turns Erlang burns processor time; not on a machine that runs tests. */
const erlangFlags = '+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}'

const defaults: Settings = {
  default_user: account,
  default_pass: account,
  'log.console': true,
  'log.console.level': 'warning',
  'log.file': false,
  'vm_memory_high_watermark.absolute': '1GB',
  'disk_free_limit.absolute': '50MB',
  'raft.wal_max_size_bytes': 67_108_864,
}

/** RabbitMQ with a port mapper of its own. The setting `plugins` names plugins to load, separated by commas. */
export const rabbitmq: ServerKind = {
  name: 'rabbitmq',
  ports: ['main', 'distribution', 'epmd', 'management'],
  goodbye: { signal: 'SIGTERM', patience: 20_000 },

  find(): Programs | string {
    const server = findServer()
    if (!server) return 'no rabbitmq-server on PATH'
    const epmd = findProgram('epmd', ['/usr/lib/erlang/bin'])
    return epmd ? { server, epmd } : 'no epmd on PATH, which Erlang brings'
  },

  install: (say) => aptInstall(['rabbitmq-server'], say),

  prepare(instance, { server, epmd }): Promise<Launch[]> {
    const { folder, settings } = instance
    mkdirSync(join(folder, 'mnesia'), { recursive: true })
    const cookie = join(folder, '.erlang.cookie')
    if (!existsSync(cookie)) writeFileSync(cookie, randomBytes(20).toString('hex'), { mode: 0o400 })
    const { plugins = '', ...own } = settings
    writeFileSync(join(folder, 'enabled_plugins'), `[${String(plugins)}].\n`)
    const loopback = { 'listeners.tcp.1': `127.0.0.1:${port(instance, 'main')}` }
    const management = String(plugins).includes('management')
      ? { 'management.tcp.ip': '127.0.0.1', 'management.tcp.port': port(instance, 'management') }
      : {}
    writeFileSync(join(folder, 'rabbitmq.conf'), configuration({ ...defaults, ...own, ...management, ...loopback }))
    const env = environment(instance)
    const mapper = ['-port', String(port(instance, 'epmd')), '-address', '127.0.0.1']
    return Promise.resolve([
      { name: 'epmd', program: epmd as string, args: mapper, env },
      { name: 'main', program: server as string, args: [], env },
    ])
  },

  container: ({ settings: { plugins: _, ...own } }): Container => ({
    image: 'rabbitmq:4.1.5-management',
    files: { '/etc/rabbitmq/conf.d/90-tidings.conf': configuration({ ...defaults, ...own }) },
    ports: { main: 5672, management: 15_672 },
  }),

  url: (ports) => `amqp://${account}:${account}@127.0.0.1:${ports['main']}`,

  /** A greeting is answered by the method Connection.Start, a frame of type 1. */
  async ready(instance: Pick<Instance, 'ports'>): Promise<boolean> {
    const answer = await ask(port(instance, 'main'), 'AMQP\0\0\x09\x01', (said) => said.length > 0)
    return answer?.[0] === 1
  },
}

function findServer(): string | undefined {
  const found = findProgram('rabbitmq-server', [debianFolder])
  return found && dirname(realProgram(found)) === debianFolder ? join(debianFolder, 'rabbitmq-server') : found
}

function environment(instance: Instance): Record<string, string> {
  const { folder } = instance
  return {
    HOME: folder,
    LANG: 'C.UTF-8',
    LC_ALL: 'C.UTF-8',
    // By number, for not every machine can look up `localhost`; Erlang takes numbers in long names only.
    RABBITMQ_NODENAME: 'tidings@127.0.0.1',
    RABBITMQ_USE_LONGNAME: 'true',
    RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, 'none.config'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_FEATURE_FLAGS_FILE: join(folder, 'feature_flags'),
    RABBITMQ_GENERATED_CONFIG_DIR: join(folder, 'config'),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port(instance, 'main')),
    RABBITMQ_DIST_PORT: String(port(instance, 'distribution')),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: erlangFlags,
    ERL_EPMD_PORT: String(port(instance, 'epmd')),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_CRASH_DUMP_BYTES: '0',
    // Its script then becomes the broker instead of waiting for it: the process we know is the one to kill.
    RUNNING_UNDER_SYSTEMD: 'true',
  }
}

function configuration(settings: Settings): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('')
}
