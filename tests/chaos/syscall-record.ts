import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** What a process did to the files beside each other in one folder, and what it said, in the order in which it happened. */
export type Step =
  | { readonly kind: 'create' | 'remove' | 'sync'; readonly path: string }
  | { readonly kind: 'write'; readonly path: string; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly path: string; readonly size: number }
  /** The folder itself was synchronised: which names it holds is durable now. */
  | { readonly kind: 'sync-folder' }
  | { readonly kind: 'said'; readonly text: string }

const calls =
  'openat,unlink,unlinkat,rename,renameat,renameat2,ftruncate,fallocate,write,writev,pwrite64,pwritev,pwritev2,fsync,fdatasync,sync_file_range'

/** Why programs cannot be recorded here; undefined where they can. On Debian as root, `strace` is installed where it is missing. */
export function cannotRecord(): string | undefined {
  if (process.platform !== 'linux') return 'system calls are recorded on Linux only'
  if (!works() && process.getuid?.() === 0)
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'strace'], { timeout: 60_000, stdio: 'ignore' })
  return works() ? undefined : 'strace is missing or may not trace here (Debian: apt-get install strace)'
}

function works(): boolean {
  return spawnSync('strace', ['-f', '--seccomp-bpf', '-o', '/dev/null', 'true'], { stdio: 'ignore' }).status === 0
}

/** Runs a program of this repository to its end and returns what it did in the folder of `file`. */
export async function record(program: string, args: readonly string[], file: string): Promise<Step[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-record-'))
  const output = join(folder, 'calls')
  try {
    const traced = [process.execPath, '--conditions=source', program, ...args]
    const child = spawn(
      'strace',
      ['-f', '--seccomp-bpf', '-y', '-xx', '-s', '1000000', '-e', `trace=${calls}`, '-o', output, ...traced],
      {
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    )
    const [code] = (await once(child, 'exit')) as [number | null]
    if (code !== 0) throw new Error(`The recorded program ended with ${code}.`)
    return stepsOf(readFileSync(output, 'latin1'), dirname(file))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Reads what strace has written. A call that another thread interrupted takes effect where it ends. */
function stepsOf(text: string, folder: string): Step[] {
  const steps: Step[] = []
  const begun = new Map<string, string>()
  const existing = new Set<string>()
  for (const line of text.split('\n')) {
    const whole = joined(line, begun)
    const call = whole === undefined ? undefined : /^(\w+)\((.*)\)\s+= (-?\d+)/s.exec(whole)
    if (call === null || call === undefined || Number(call[3]) < 0) continue
    const step = stepOf(call[1] as string, call[2] as string, folder, existing)
    if (step !== undefined) steps.push(step)
  }
  return steps
}

function joined(line: string, begun: Map<string, string>): string | undefined {
  const [, thread, rest] = /^(\d+)\s+(.*)$/s.exec(line) ?? []
  if (thread === undefined || rest === undefined) return undefined
  const unfinished = / <unfinished \.\.\.>$/.exec(rest)
  if (unfinished !== null) {
    begun.set(thread, rest.slice(0, unfinished.index))
    return undefined
  }
  const resumed = /^<\.\.\. \w+ resumed>/.exec(rest)
  return resumed === null ? rest : `${begun.get(thread) ?? ''}${rest.slice(resumed[0].length)}`
}

function stepOf(name: string, args: string, folder: string, existing: Set<string>): Step | undefined {
  const texts = [...args.matchAll(/["<]((?:\\x[0-9a-f]{2})*)[">]/g)].map((match) =>
    Buffer.from((match[1] as string).replaceAll('\\x', ''), 'hex'),
  )
  const path = texts[0]?.toString() ?? ''
  const numbers = [...args.matchAll(/, (\d+)/g)].map((match) => Number(match[1]))
  switch (name) {
    case 'openat': {
      const opened = texts[1]?.toString() ?? ''
      if (dirname(opened) !== folder || !args.includes('O_CREAT')) return undefined
      if (args.includes('O_TRUNC'))
        throw new Error(`The recorder does not know files that are emptied by opening them: ${opened}`)
      if (existing.has(opened)) return undefined
      existing.add(opened)
      return { kind: 'create', path: opened }
    }
    case 'unlink':
    case 'unlinkat': {
      const removed = texts.at(-1)?.toString() ?? ''
      return existing.delete(removed) ? { kind: 'remove', path: removed } : undefined
    }
    case 'write':
      if (args.startsWith('1<')) return { kind: 'said', text: texts[1]?.toString() ?? '' }
      break
    case 'fsync':
    case 'fdatasync':
      if (path === folder) return { kind: 'sync-folder' }
      return existing.has(path) ? { kind: 'sync', path } : undefined
    case 'ftruncate':
      return existing.has(path) ? { kind: 'truncate', path, size: numbers.at(-1) as number } : undefined
    case 'pwrite64':
      return existing.has(path)
        ? { kind: 'write', path, offset: numbers.at(-1) as number, bytes: texts[1] as Buffer }
        : undefined
    default:
  }
  if (texts.some((text) => existing.has(text.toString())))
    throw new Error(`The recorder does not know what ${name} does to a file.`)
  return undefined
}
