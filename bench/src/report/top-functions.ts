import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

interface Profile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

const shown = 20

/** For each profile in the folder: where the processor spent its time, by function, callees not counted. */
export function topFunctions(folder: string): string {
  const files = readdirSync(folder).filter((name) => name.endsWith('.cpuprofile'))
  return files
    .sort()
    .map((name) => `${name}\n${topOf(JSON.parse(readFileSync(join(folder, name), 'utf8')) as Profile)}`)
    .join('\n\n')
}

export function topOf({ nodes, samples, timeDeltas }: Profile): string {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
  const spent = new Map<string, number>()
  let total = 0
  for (const [at, id] of samples.entries()) {
    const name = names.get(id) ?? '?'
    const time = timeDeltas[at] ?? 0
    if (name === '(idle)') continue
    total += time
    spent.set(name, (spent.get(name) ?? 0) + time)
  }
  return [...spent]
    .sort(([, a], [, b]) => b - a)
    .slice(0, shown)
    .map(([name, time]) => `${((time / total) * 100).toFixed(1).padStart(6)} %  ${name}`)
    .join('\n')
}

function nameOf({ functionName, url, lineNumber }: Profile['nodes'][number]['callFrame']): string {
  const file = url.split('/').slice(-2).join('/')
  return file === '' ? functionName : `${functionName === '' ? '(anonymous)' : functionName}  ${file}:${lineNumber + 1}`
}
