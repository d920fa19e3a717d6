import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Instance } from './instance.ts'
import type { Container, ServerKind } from './kinds/kind.ts'
import type { Launcher } from './launcher.ts'
import { places } from './places.ts'
import { runProgram } from './run-program.ts'

/** Servers as projects of Docker Compose, each with one service named `server`, published on the loopback address. */
export const compose: Launcher = {
  async start(kind: ServerKind, instance, onStart) {
    mkdirSync(instance.folder, { recursive: true })
    writeFileSync(fileOf(instance), JSON.stringify(composeFile(kind.container(instance), instance.ports), undefined, 2))
    onStart()
    await docker(instance, 'up', '--detach', '--no-recreate')
  },

  async isRunning(instance) {
    if (!existsSync(fileOf(instance))) return false
    const running = await docker(instance, 'ps', '--status', 'running', '--status', 'paused', '--quiet')
    return running !== ''
  },

  async kill(instance) {
    if (await compose.isRunning(instance)) await docker(instance, 'kill', '--signal', 'SIGKILL')
  },

  shutdown: (kind, instance) =>
    done(docker(instance, 'stop', '--timeout', String(Math.ceil(kind.goodbye.patience / 1000)))),
  pause: (instance) => done(docker(instance, 'pause')),
  resume: (instance) => done(docker(instance, 'unpause')),

  async remove(instance) {
    if (existsSync(fileOf(instance))) await docker(instance, 'down', '--volumes', '--timeout', '0')
    rmSync(instance.folder, { recursive: true, force: true })
  },
}

/** What Compose reads. JSON is YAML. */
export function composeFile(container: Container, ports: Instance['ports']): object {
  const { image, command, environment, files = {}, hostNetwork } = container
  const published = Object.entries(container.ports).map(([name, inside]) => `127.0.0.1:${ports[name]}:${inside}`)
  const configs = Object.entries(files).map(([target, content], at) => ({ name: `file${at}`, target, content }))
  const server = {
    image,
    ...(command ? { command: command.map(literal) } : {}),
    ...(environment ? { environment } : {}),
    ...(hostNetwork ? { network_mode: 'host' } : { ports: published }),
    ...(configs.length > 0 ? { configs: configs.map(({ name, target }) => ({ source: name, target })) } : {}),
  }
  return {
    services: { server },
    ...(configs.length > 0
      ? { configs: Object.fromEntries(configs.map(({ name, content }) => [name, { content: literal(content) }])) }
      : {}),
  }
}

/** Compose would replace `$NAME`. */
function literal(text: string): string {
  return text.replaceAll('$', '$$$$')
}

function docker(instance: Instance, ...words: string[]): Promise<string> {
  const tree = createHash('sha256').update(places().state).digest('hex').slice(0, 8)
  const project = ['--project-name', `tidings-${tree}-${instance.id}`, '--file', fileOf(instance)]
  return runProgram('docker', ['compose', ...project, ...words], { log: instance.log })
}

function fileOf({ folder }: Instance): string {
  return join(folder, 'compose.json')
}

async function done(work: Promise<string>): Promise<void> {
  await work
}
