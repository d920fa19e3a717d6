/**
 * As much of `docker` as a test needs where there is none: its containers are processes of redis-server. Keeps what it
 * was told in the file named by FAKE_DOCKER.
 */
import { spawn } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gone, identify } from './process-identity.ts'

const words = process.argv.slice(2)
appendFileSync(process.env['FAKE_DOCKER'] as string, `${words.join(' ')}\n`)

const compose = words.indexOf('--file')
if (words[0] === 'image') process.exitCode = 1
if (compose > 0) await runCompose(words[compose + 1] as string, words[compose + 2] as string)

async function runCompose(file: string, command: string): Promise<void> {
  const folder = dirname(file)
  const pidFile = join(folder, 'pid')
  const pid = existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8')) : undefined
  const server = pid === undefined ? undefined : identify(pid)
  const signal = (name: NodeJS.Signals): void => {
    if (server) process.kill(server.pid, name)
  }
  if (command === 'up' && pid === undefined) {
    const { ports, command: line } = (JSON.parse(readFileSync(file, 'utf8')) as Compose).services.server
    const port = ports[0]?.split(':')[1] as string
    const args = [...line.slice(1), '--port', port, '--bind', '127.0.0.1', '--dir', folder]
    const child = spawn('redis-server', args, { detached: true, stdio: 'ignore' })
    writeFileSync(pidFile, String(child.pid))
    child.unref()
  }
  if (command === 'ps' && pid !== undefined) console.log('4f1c09')
  if (command === 'pause') signal('SIGSTOP')
  if (command === 'unpause') signal('SIGCONT')
  if (command === 'stop') signal('SIGTERM')
  if (command === 'kill' || command === 'down') signal('SIGKILL')
  if (!['stop', 'kill', 'down'].includes(command)) return
  if (server) await gone(server, 10_000)
  rmSync(pidFile, { force: true })
}

interface Compose {
  services: { server: { ports: string[]; command: string[] } }
}
