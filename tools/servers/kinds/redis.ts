import { mkdirSync } from 'node:fs'
import { findProgram, versionOf } from '../find-program.ts'
import { aptInstall } from '../install/apt.ts'
import type { Instance, Settings } from '../instance.ts'
import { ask } from '../probes.ts'
import { type Container, type Launch, type Programs, port, type ServerKind } from './kind.ts'

const defaults: Settings = { appendonly: 'yes', appendfsync: 'everysec', databases: 64, save: '' }
const oldest = 6

/** Redis with an append-only file: what it acknowledged survives SIGKILL. */
export const redis: ServerKind = {
  name: 'redis',
  ports: ['main'],
  goodbye: { signal: 'SIGTERM', patience: 10_000 },

  find(): Programs | string {
    const server = findProgram('redis-server')
    if (!server) return 'no redis-server on PATH'
    const version = versionOf(server, '--version', /v=(\d+)/)
    return version >= oldest ? { server } : `${server} is older than ${oldest}.0`
  },

  install: (say) => aptInstall(['redis-server'], say),

  prepare({ folder, settings, ports }, { server }): Promise<Launch[]> {
    mkdirSync(folder, { recursive: true })
    const args = ['--port', String(ports['main']), '--bind', '127.0.0.1', '--dir', folder, '--daemonize', 'no']
    const launch = { name: 'main', program: server as string, args: [...args, ...argumentsOf(settings)] }
    return Promise.resolve([launch])
  },

  container: ({ settings }): Container => ({
    image: 'redis:8.2.2',
    command: ['redis-server', ...argumentsOf(settings)],
    ports: { main: 6379 },
  }),

  url: (ports) => `redis://127.0.0.1:${ports['main']}`,

  /** It answers `-LOADING` while it reads its file. */
  async ready(instance: Pick<Instance, 'ports'>): Promise<boolean> {
    const answer = await ask(port(instance, 'main'), 'PING\r\n', (said) => said.includes('\r\n'))
    return answer?.toString().startsWith('+PONG') ?? false
  },
}

function argumentsOf(settings: Settings): string[] {
  return Object.entries({ ...defaults, ...settings }).flatMap(([name, value]) => [`--${name}`, String(value)])
}
