/**
 * The process of one side: `side-process.ts {"kind":…}`. Its parent says when a round begins; heaps, caches and compiled code of the
 * sides stay apart that way, while their rounds alternate.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import type { Load, Sample } from '../plan/scenario.ts'
import { openSide } from '../sides/registry.ts'
import { drive, driveSteady, driveTimed } from './drive.ts'
import type { Side, SideHost } from './side.ts'
import { quantile } from './statistics.ts'

export interface SideTask extends SideHost {
  readonly kind: string
  readonly load: Load
  /** Whether single calls are timed. */
  readonly timed: boolean
}

export type Command = { readonly do: 'round'; readonly events: number } | { readonly do: 'close' }
export type Answer =
  | { readonly sample: Sample }
  | { readonly ready: true }
  | { readonly failed: string; readonly stack: string }

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const task = JSON.parse(process.argv[2] ?? '{}') as SideTask
let published = 0

const tell = (answer: Answer): void => void process.send?.(answer)
const fail = (error: unknown): void => {
  tell(
    error instanceof Error
      ? { failed: `${error.name}: ${error.message}`, stack: error.stack ?? '' }
      : { failed: String(error), stack: '' },
  )
}

process.on('uncaughtException', (error) => {
  fail(error)
  process.exitCode = 1
  process.disconnect()
})

async function round(side: Side, events: number): Promise<Sample> {
  await side.rest?.()
  // Nobody pays for the litter of the round before.
  collectGarbage()
  const cpu = process.cpuUsage()
  const began = performance.now()
  if (side.measure !== undefined) {
    const value = await side.measure(events)
    return { ...cost(events, began, cpu), value }
  }
  let waits: Float64Array | undefined
  if (task.load === 'steady') waits = await driveSteady(side, published, events)
  else if (task.timed) waits = await driveTimed(side, published, events)
  else await drive(task.load as Exclude<Load, 'footprint' | 'steady'>, side, published, events)
  published += events
  await side.finished?.(published)
  const sample = cost(events, began, cpu)
  // Emitters that wait for nobody may have work left; it is not on their clock, but it must have been done.
  await new Promise(setImmediate)
  if (side.seen() !== published)
    throw new Error(`${task.kind} was given ${published} events and finished ${side.seen()}`)
  return waits === undefined ? sample : { ...sample, p50: quantile(waits, 0.5), p99: quantile(waits, 0.99) }
}

function cost(events: number, began: number, cpu: NodeJS.CpuUsage): Sample {
  const ms = performance.now() - began
  const { user, system } = process.cpuUsage(cpu)
  return { events, ms, cpuMs: (user + system) / 1_000, rssMb: process.memoryUsage.rss() / 1_048_576 }
}

try {
  const side = await openSide(task.kind, task)
  process.on('message', (command: Command) => {
    if (command.do === 'round') round(side, command.events).then((sample) => tell({ sample }), fail)
    else {
      Promise.resolve(side.close?.())
        .catch(fail)
        .finally(() => process.disconnect())
    }
  })
  // Whoever is left alone has nobody to work for.
  process.on('disconnect', () => process.exit())
  tell({ ready: true })
} catch (error) {
  fail(error)
  process.disconnect()
}
