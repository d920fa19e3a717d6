import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

/** A process, and not another one that was given its number later. */
export interface Identity {
  readonly pid: number
  /** When it began, in the system's own words. */
  readonly started: string
}

const linux = process.platform === 'linux'
const windows = process.platform === 'win32'

/** Undefined: there is no such process, or it has ended and only waits for its parent to notice. */
export function identify(pid: number): Identity | undefined {
  const started = linux ? startedOnLinux(pid) : windows ? startedOnWindows(pid) : startedByPs(pid)
  return started === undefined ? undefined : { pid, started }
}

export function isAlive({ pid, started }: Identity): boolean {
  return identify(pid)?.started === started
}

/** Signals the process, and nobody if it is gone. */
export function signal(process_: Identity, name: NodeJS.Signals): void {
  if (!isAlive(process_)) return
  try {
    process.kill(process_.pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** The process and all that descend from it, parents first. */
export function family(head: Identity): Identity[] {
  if (!isAlive(head)) return []
  const children = Map.groupBy(allParents(), ([, parent]) => parent)
  const found = [head]
  for (const { pid } of found) {
    for (const [child] of children.get(pid) ?? []) {
      const one = identify(child)
      if (one) found.push(one)
    }
  }
  return found
}

/** False: it is still there after so many milliseconds. */
export async function gone(process_: Identity, patience: number): Promise<boolean> {
  const deadline = performance.now() + patience
  while (isAlive(process_)) {
    if (performance.now() > deadline) return false
    await pause(10)
  }
  return true
}

/** Kills the process first, so that it cannot tidy up, then all that descended from it. Returns when they are gone. */
export async function killFamily(head: Identity): Promise<void> {
  const members = family(head)
  for (const one of members) signal(one, 'SIGKILL')
  for (const one of members) {
    if (!(await gone(one, 10_000))) throw new Error(`Process ${one.pid} outlives SIGKILL by ten seconds.`)
  }
}

/** `pid (name) state ppid … starttime …`; the name may hold anything, spaces and brackets too. */
export function fieldsOfStat(line: string): { state: string; parent: number; started: string } | undefined {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  const [state, parent] = fields
  const started = fields[19]
  return state && parent && started ? { state, parent: Number(parent), started } : undefined
}

function statOf(pid: number): ReturnType<typeof fieldsOfStat> {
  try {
    return fieldsOfStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return undefined
  }
}

let boot: string | undefined

function startedOnLinux(pid: number): string | undefined {
  const stat = statOf(pid)
  if (stat === undefined || stat.state === 'X' || (stat.state === 'Z' && threadsOf(pid) < 2)) return undefined
  // Ticks count from the start of the machine, so a file that outlived it must not match.
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  return `${boot}:${stat.started}`
}

/** Of a process that dies, the first thread may be gone while others still hold its ports and files. */
function threadsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).length
  } catch {
    return 0
  }
}

/** There it is said of test runs only, for no server is started. */
function startedOnWindows(pid: number): string | undefined {
  try {
    process.kill(pid, 0)
    return 'some time'
  } catch {
    return undefined
  }
}

function startedByPs(pid: number): string | undefined {
  try {
    const [state, ...started] = ps('-o', 'stat=,lstart=', '-p', String(pid)).trim().split(/\s+/)
    return !state || state.startsWith('Z') ? undefined : started.join(' ')
  } catch {
    return undefined
  }
}

function allParents(): [pid: number, parent: number][] {
  if (linux) {
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
    return pids.flatMap((pid) => {
      const stat = statOf(Number(pid))
      return stat ? [[Number(pid), stat.parent] as [number, number]] : []
    })
  }
  const rows = ps('-axo', 'pid=,ppid=').trim().split('\n')
  return rows.map((row) => row.trim().split(/\s+/).map(Number) as [number, number])
}

function ps(...args: string[]): string {
  return execFileSync('ps', args, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } })
}
