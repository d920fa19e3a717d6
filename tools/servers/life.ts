import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readFileSync, rmdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { forgetInstance, type Instance, type Settings, thisUser, writeInstance } from './instance.ts'
import { kinds } from './kinds/all.ts'
import { launcherOf } from './obtain.ts'
import { places } from './places.ts'
import { releasePorts, takePort } from './ports.ts'
import { type ServerName, titles } from './server-names.ts'

/** Milliseconds from start to ready, on a machine that is busy with tests. */
const patience = 120_000
/** A server whose former life has not quite ended (a lock, shared memory) dies at once and is started again. */
const attempts = 5

/** Makes a server that is not yet running: its name, its ports, its folder. */
export async function makeInstance(
  kind: ServerName,
  from: Instance['from'],
  { id = `${kind}-${randomBytes(3).toString('hex')}`, settings = {} }: { id?: string; settings?: Settings } = {},
): Promise<Instance> {
  const { data, logs } = places()
  const ports: Record<string, number> = {}
  for (const name of kinds[kind].ports) ports[name] = await takePort(id)
  const log = join(logs, `${id}.log`)
  rmSync(log, { force: true })
  const folder = join(openTo(data), id)
  rmSync(folder, { recursive: true, force: true })
  const instance: Instance = {
    id,
    kind,
    from,
    ports,
    folder,
    log,
    settings,
    keep: false,
    users: [thisUser()],
    processes: {},
  }
  writeInstance(instance)
  return instance
}

/** Starts it, or finds it running, and returns when clients are served. */
export async function startInstance(instance: Instance): Promise<void> {
  const kind = kinds[instance.kind]
  const launcher = launcherOf(instance)
  const deadline = performance.now() + patience
  for (let attempt = 1; ; attempt++) {
    await launcher.start(kind, instance, () => writeInstance(instance))
    writeInstance(instance)
    for (;;) {
      // In this order: the probe may be answered by somebody else once the process is gone.
      const answers = await kind.ready(instance)
      if (!(await launcher.isRunning(instance))) break
      if (answers) return
      if (performance.now() > deadline) {
        await launcher.kill(instance)
        throw new Error(`${titles[instance.kind]} was not ready after ${patience / 1000} s. ${lastOfLog(instance)}`)
      }
      await pause(25)
    }
    if (attempt >= attempts || performance.now() > deadline)
      throw new Error(`${titles[instance.kind]} died while it started. ${lastOfLog(instance)}`)
    await pause(200 * attempt)
  }
}

/** Kills it and forgets everything of it but its log. */
export async function removeInstance(instance: Instance): Promise<void> {
  await launcherOf(instance).remove(instance)
  removeIfEmpty(dirname(instance.folder))
  forgetInstance(instance.id)
  releasePorts(instance.id)
}

function removeIfEmpty(folder: string): void {
  if (folder === places().data) return
  try {
    rmdirSync(folder)
  } catch {
    // Another server's data are in it, or somebody was faster.
  }
}

export function lastOfLog({ log }: Instance): string {
  if (!existsSync(log)) return 'It left no log.'
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-8)
  return `The end of ${log}:\n${lines.map((line) => `  ${line.slice(0, 300)}`).join('\n')}`
}

/**
 * PostgreSQL does not run as root, and another user may not look into everybody's folders. What root starts from a
 * closed folder keeps its data in the system's folder for temporary files.
 */
function openTo(data: string): string {
  if (process.getuid?.() !== 0) return data
  for (let folder = data; ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) {
      return join(tmpdir(), `tidings-servers-${createHash('sha256').update(data).digest('hex').slice(0, 8)}`)
    }
    if (folder === dirname(folder)) return data
  }
}
