import { type ChildProcess, fork } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import type { Sample, Scenario, SideSpec } from '../plan/scenario.ts'
import type { Answer, Command, SideTask } from './side-process.ts'

export interface SideSettings {
  /** Where this side's process may keep files. */
  readonly folder: string
  readonly sharedFolder: string
  /** Write a processor profile into this folder. */
  readonly profileTo: string | undefined
}

const processFile = fileURLToPath(new URL('./side-process.ts', import.meta.url))

/** A side's process, as its parent holds it: starting, ready, at work, closed. One command at a time. */
export class SideHandle {
  readonly spec: SideSpec
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  #answers: Answer[] = []
  #wanted: { resolve(answer: Answer): void; reject(error: Error): void } | undefined
  #over = false

  private constructor(spec: SideSpec, child: ChildProcess) {
    this.spec = spec
    this.#child = child
    child.on('message', (answer: Answer) => this.#answer(answer))
    this.#ended = new Promise((resolve) => {
      child.on('exit', (code, signal) => {
        this.#over = true
        this.#wanted?.reject(new Error(`The process of ${spec.label} ended (${signal ?? code}).`))
        resolve()
      })
    })
  }

  /** Resolves when the side is open. */
  static async start(scenario: Scenario, spec: SideSpec, settings: SideSettings): Promise<SideHandle> {
    mkdirSync(settings.folder, { recursive: true })
    const { folder, sharedFolder } = settings
    const task: SideTask = {
      kind: spec.kind,
      options: spec.options ?? {},
      load: scenario.load,
      timed: scenario.load === 'one' && scenario.group !== 'memory',
      folder,
      sharedFolder,
    }
    const profile =
      settings.profileTo === undefined
        ? []
        : ['--cpu-prof', `--cpu-prof-dir=${settings.profileTo}`, `--cpu-prof-name=${profileName(scenario, spec)}`]
    const child = fork(processFile, [JSON.stringify(task)], {
      execArgv: [...process.execArgv, ...profile],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    const handle = new SideHandle(spec, child)
    try {
      await handle.#next()
    } catch (error) {
      await handle.#ended
      throw error
    }
    return handle
  }

  async round(events: number): Promise<Sample> {
    const answer = this.#next()
    this.#send({ do: 'round', events })
    const got = await answer
    if (!('sample' in got)) throw new Error('Expected a sample.')
    return got.sample
  }

  /** Ends the process; kills it where it does not end by itself within 20 s. */
  async close(): Promise<void> {
    if (this.#over) return
    this.#send({ do: 'close' })
    const impatience = setTimeout(() => this.#child.kill('SIGKILL'), 20_000)
    await this.#ended
    clearTimeout(impatience)
  }

  #send(command: Command): void {
    if (this.#child.connected) this.#child.send(command)
  }

  #next(): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#wanted = { resolve, reject }
      const waiting = this.#answers.shift()
      if (waiting !== undefined) this.#answer(waiting)
    })
  }

  #answer(answer: Answer): void {
    const wanted = this.#wanted
    if (wanted === undefined) {
      this.#answers.push(answer)
      return
    }
    this.#wanted = undefined
    if ('failed' in answer) wanted.reject(new Error(`${this.spec.label}: ${answer.failed}`, { cause: answer.stack }))
    else wanted.resolve(answer)
  }
}

function profileName(scenario: Scenario, spec: SideSpec): string {
  return `${scenario.id.replaceAll('/', '-')}-${spec.name}.cpuprofile`
}
