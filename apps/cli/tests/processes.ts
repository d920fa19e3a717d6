import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { type Operations, operationsOn, sharedStore } from 'tidings'

const bin = fileURLToPath(new URL('../bin/tidings.js', import.meta.url))
const service = fileURLToPath(new URL('./bus-process.ts', import.meta.url))

/** Where the command line keeps its compiled sources too, so that a start takes no second. */
const compiled = fileURLToPath(new URL('../../../node_modules/.cache/node-compile', import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
  readonly json: readonly Record<string, never>[]
}

/** The command line as a process of its own. */
export function tidings(url: string, ...args: string[]): Promise<Ended> {
  return ended(startTidings(url, ...args))
}

export function startTidings(url: string, ...args: string[]): ChildProcess {
  return track(spawn(process.execPath, [bin, ...args], { env: { ...process.env, TIDINGS_URL: url, NO_COLOR: '1' } }))
}

/** The service as a process of its own; resolves when it has said `published`. */
export async function startService(url: string, health: 'sick' | 'well', ...orders: string[]): Promise<ChildProcess> {
  const env = { ...process.env, NODE_COMPILE_CACHE: compiled }
  const child = track(spawn(process.execPath, ['--conditions=source', service, url, health, ...orders], { env }))
  let err = ''
  child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString()))
  await new Promise<void>((resolve, reject) => {
    let out = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      out += chunk.toString()
      if (out.includes('published')) resolve()
    })
    child.once('exit', (code) => reject(new Error(`The service ended with ${code}: ${err}`)))
  })
  return child
}

/** Kills as a power cut would; resolves when it is gone. */
export async function kill(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
}

export function ended(child: ChildProcess): Promise<Ended> {
  let out = ''
  let err = ''
  child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString()))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      resolve({
        code,
        out,
        err,
        get json() {
          return out
            .split('\n')
            .filter((line) => line !== '')
            .map((line) => JSON.parse(line) as Record<string, never>)
        },
      })
    })
  })
}

const children = new Set<ChildProcess>()

function track(child: ChildProcess): ChildProcess {
  children.add(child)
  child.once('exit', () => children.delete(child))
  return child
}

/** Ends what a failed test has left behind. */
export async function killAll(): Promise<void> {
  await Promise.all([...children].map(kill))
}

/** A look at the store from this process, which is much quicker than a command line. */
export async function look<Result>(url: string, at: (operations: Operations) => Promise<Result>): Promise<Result> {
  const store = await sharedStore(url)
  try {
    return await at(operationsOn(store))
  } finally {
    await store.close()
  }
}

/** Asks until it holds, at most `patience` milliseconds. */
export async function until(holds: () => Promise<boolean>, what: string, patience = 40_000): Promise<void> {
  const end = performance.now() + patience
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`Waited ${patience} ms in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
