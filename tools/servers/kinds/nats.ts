import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findPrograms, versionOf } from '../find-program.ts'
import { installNats } from '../install/nats.ts'
import type { Instance, Settings } from '../instance.ts'
import { toolsFolder } from '../places.ts'
import { answersHttp } from '../probes.ts'
import { type Container, type Launch, type Programs, port, type ServerKind } from './kind.ts'

/** Consumers with several subjects, and metadata of streams, came with 2.10. */
const oldest = 10

/** NATS with JetStream, and its monitor. */
export const nats: ServerKind = {
  name: 'nats',
  ports: ['main', 'monitor'],
  goodbye: { signal: 'SIGTERM', patience: 15_000 },

  find(): Programs | string {
    const here = findPrograms('nats-server', [downloads()])
    const server = here.find((one) => versionOf(one, '--version', /v2\.(\d+)/) >= oldest)
    if (server !== undefined) return { server }
    return here[0] === undefined ? 'no nats-server on PATH' : `${here[0]} is older than 2.${oldest}`
  },

  install: (say) => installNats(join(downloads(), 'nats-server'), say),

  prepare(instance, { server }): Promise<Launch[]> {
    const { folder, settings } = instance
    mkdirSync(folder, { recursive: true })
    const file = join(folder, 'nats.conf')
    const monitor = { http: `"127.0.0.1:${port(instance, 'monitor')}"` }
    const own = { host: '"127.0.0.1"', port: port(instance, 'main'), ...monitor }
    writeFileSync(file, configuration(join(folder, 'jetstream'), { ...settings, ...own }))
    return Promise.resolve([{ name: 'main', program: server as string, args: ['-c', file] }])
  },

  container: ({ settings }): Container => ({
    image: 'nats:2.11.6-alpine',
    command: ['-c', '/etc/tidings-nats.conf'],
    files: { '/etc/tidings-nats.conf': configuration('/data', { ...settings, port: 4222, http: '"0.0.0.0:8222"' }) },
    ports: { main: 4222, monitor: 8222 },
  }),

  url: (ports) => `nats://127.0.0.1:${ports['main']}`,

  ready: (instance: Pick<Instance, 'ports'>) =>
    answersHttp(`http://127.0.0.1:${port(instance, 'monitor')}/healthz?js-enabled-only=true`),
}

function configuration(storage: string, settings: Settings): string {
  const lines = Object.entries(settings).map(([name, value]) => `${name}: ${value}\n`)
  return `server_name: tidings\n${lines.join('')}jetstream { store_dir: "${storage}", max_mem: 256M, max_file: 4G }\n`
}

function downloads(): string {
  return join(toolsFolder(), 'bin')
}
