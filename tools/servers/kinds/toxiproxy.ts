import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from '../find-program.ts'
import { installToxiproxy } from '../install/toxiproxy.ts'
import type { Instance } from '../instance.ts'
import { toolsFolder } from '../places.ts'
import { answersHttp } from '../probes.ts'
import { type Container, type Launch, type Programs, port, type ServerKind } from './kind.ts'

/** Toxiproxy: connections that fail as real ones do. It keeps nothing over a restart. */
export const toxiproxy: ServerKind = {
  name: 'toxiproxy',
  ports: ['main'],
  goodbye: { signal: 'SIGTERM', patience: 5_000 },

  find(): Programs | string {
    const server = findProgram('toxiproxy-server', [join(toolsFolder(), 'bin')])
    return server ? { server } : 'no toxiproxy-server on PATH'
  },

  install: (say) => installToxiproxy(join(toolsFolder(), 'bin', 'toxiproxy-server'), say),

  prepare(instance, { server }): Promise<Launch[]> {
    mkdirSync(instance.folder, { recursive: true })
    const args = ['-host', '127.0.0.1', '-port', String(port(instance, 'main'))]
    return Promise.resolve([{ name: 'main', program: server as string, args }])
  },

  container: (instance): Container => ({
    image: 'ghcr.io/shopify/toxiproxy:2.12.0',
    command: ['-host=127.0.0.1', `-port=${port(instance, 'main')}`],
    ports: {},
    hostNetwork: true,
  }),

  url: (ports) => `http://127.0.0.1:${ports['main']}`,

  ready: (instance: Pick<Instance, 'ports'>) => answersHttp(`http://127.0.0.1:${port(instance, 'main')}/version`),
}
