import { headOf } from '../bus/registration.ts'
import { type Duration, milliseconds } from '../kernel/duration.ts'
import { TidingsError } from '../kernel/errors.ts'
import { type Log, silentLog } from '../kernel/log.ts'
import { type Runtime, sleep } from '../kernel/runtime.ts'
import {
  type Generation,
  keptOf,
  liveOf,
  nextOf,
  type ProjectionState,
  projectionsCollection,
} from '../projections/generation.ts'
import { type ProjectionStatus, projectionStatus, statusOfState } from '../projections/projection-status.ts'
import { readState, replaceState } from '../projections/state-store.ts'
import { switchByHand } from '../projections/switch-by-hand.ts'
import { askBuild, leave, stopVersion } from '../projections/transitions.ts'
import type { Store } from '../store/store.ts'
import { type AuditAction, auditChange, checkedBy } from './audit.ts'
import { readDocuments } from './read-documents.ts'

export interface RebuildRequest {
  /** Which version to build; a process must run its code. Default: the one that readers see. */
  readonly version?: number | undefined
  /** Whether readers are switched by themselves when it has caught up and holds the same. Default `auto`. */
  readonly switch?: 'auto' | 'manual' | undefined
  /** Most positions of the log a second. Default: as fast as it goes, behind live work. */
  readonly rate?: number | undefined
  /** Who asks, for the audit. Default `operator`. */
  readonly by?: string | undefined
}

export interface SwitchRequest {
  /** Default: the one that waits to be switched to, or, for `rollback`, the one that was live before. */
  readonly generation?: number | undefined
  /** Switches although it lacks what readers see already, or did not pass its check. Default false. */
  readonly force?: boolean | undefined
  /** How long processes that feed it have to bring it up to what readers see. Default '10s'. */
  readonly wait?: Duration | undefined
  readonly by?: string | undefined
}

export interface FollowProjectionOptions {
  /** Default: for as long as it takes. */
  readonly deadline?: Duration | undefined
  readonly signal?: AbortSignal | undefined
}

/** What operators see of projections, and ask of them. Everything is carried out by the processes that use them, or holds at once for all of them. */
export interface ProjectionOperations {
  /** All that were ever begun in this store, in order of name. */
  list(): Promise<readonly ProjectionStatus[]>
  /** Rejects with `TIDINGS_NOT_FOUND` for one that was never begun. */
  progress(name: string): Promise<ProjectionStatus>
  /** How a build goes on, whenever that changes, until it is live, waits for a switch, or is gone. Nothing where none is under way. */
  follow(name: string, options?: FollowProjectionOptions): AsyncIterable<ProjectionStatus>
  /** Asks for a new generation, built beside the live one. Answers its number; of the one that is under way already where there is one. */
  rebuild(name: string, request?: RebuildRequest): Promise<number>
  /** Lets readers see the generation that waits. Rejects with `TIDINGS_PROJECTION_BEHIND` where they would lose sight of something. */
  switch(name: string, request?: SwitchRequest): Promise<ProjectionStatus>
  /** Lets readers see the generation of before the last switch again. Code that brings the newer version along builds it no more by itself. */
  rollback(name: string, request?: SwitchRequest): Promise<ProjectionStatus>
  /** Gives up the build that is under way or waits. False where there is none. */
  cancel(name: string, request?: { readonly by?: string | undefined }): Promise<boolean>
}

/** Time between looks, in milliseconds. */
const every = 250

export function projectionOperations(store: Store, runtime: Runtime, log: Log = silentLog): ProjectionOperations {
  const audit = (action: AuditAction, by: string | undefined, filter: Readonly<Record<string, unknown>>) =>
    auditChange({ id: runtime.id(), at: runtime.now(), by: checkedBy(by ?? 'operator'), action, filter })
  const progress = async (name: string): Promise<ProjectionStatus> => {
    const status = await projectionStatus(store, runtime, name)
    if (status === undefined) throw unknown(name)
    return status
  }
  /** Changes a state, with a record of who asked; undefined: there is nothing to change. */
  const change = async <Answer>(
    name: string,
    action: AuditAction,
    by: string | undefined,
    next: (state: ProjectionState) => { readonly state: ProjectionState; readonly answer: Answer } | Answer,
  ): Promise<Answer> => {
    for (;;) {
      const { state, version } = await readState(store, name)
      if (state === undefined) throw unknown(name)
      const wanted = next(state)
      if (typeof wanted !== 'object' || wanted === null || !('answer' in wanted)) return wanted
      const documents = [audit(action, by, { projection: name, generation: wanted.answer })]
      if (await replaceState(store, wanted.state, version, { documents })) return wanted.answer
    }
  }
  const switchWith =
    (action: 'switch' | 'rollback', target: (state: ProjectionState) => Generation | undefined, none: string) =>
    async (name: string, request: SwitchRequest = {}): Promise<ProjectionStatus> => {
      const { state } = await readState(store, name)
      if (state === undefined) throw unknown(name)
      const { generation: asked } = request
      const next = asked === undefined ? target(state) : state.generations.find(({ number }) => number === asked)
      if (next === undefined) throw notFound(name, asked === undefined ? none : `has no generation ${asked}`)
      const change = audit(action, request.by, {
        projection: name,
        generation: next.number,
        ...(request.force === true ? { force: true } : {}),
      })
      await switchByHand({ store, runtime, log }, state, next, {
        force: request.force === true,
        wait: milliseconds(request.wait ?? '10s', 'wait'),
        stopLive: action === 'rollback',
        documents: [change],
      })
      return progress(name)
    }
  return {
    progress,
    async list() {
      const all: ProjectionStatus[] = []
      for await (const { body } of readDocuments(store, projectionsCollection))
        all.push(await statusOfState(store, runtime, JSON.parse(body) as ProjectionState))
      return all
    },
    async *follow(name, { deadline, signal } = {}) {
      const until =
        deadline === undefined ? Number.POSITIVE_INFINITY : runtime.monotonic() + milliseconds(deadline, 'deadline')
      for (let told = ''; ; ) {
        signal?.throwIfAborted()
        const status = await progress(name)
        const building = status.generations.some(({ state }) => state === 'asked' || state === 'building')
        const text = status.generations.map((one) => `${one.number} ${one.state} ${one.position}`).join()
        if (text !== told) yield status
        told = text
        if (!building || runtime.monotonic() >= until) return
        await sleep(runtime, Math.min(every, Math.max(1, until - runtime.monotonic())), signal)
      }
    },
    async rebuild(name, request = {}) {
      checkRebuild(request)
      const head = await headOf(store)
      return change(name, 'rebuild', request.by, (state) => {
        const version = request.version ?? liveOf(state)?.version ?? 1
        const under = nextOf(state)
        if (under !== undefined && under.version === version) return under.number
        const next = askBuild(state, {
          version,
          by: request.by ?? 'operator',
          now: runtime.now(),
          head,
          switch: request.switch ?? 'auto',
          rate: request.rate,
        })
        return { state: next, answer: next.last }
      })
    },
    switch: switchWith('switch', nextOf, 'has no generation that waits to be switched to'),
    rollback: switchWith('rollback', keptOf, 'keeps no generation of before the last switch'),
    cancel: (name, { by } = {}) =>
      change<boolean>(name, 'cancel', by, (state) => {
        const under = nextOf(state)
        if (under === undefined) return false
        const left = leave(state, under.number, runtime.now())
        return { state: under.reason === 'version' ? stopVersion(left, under.version) : left, answer: true }
      }),
  }
}

function checkRebuild({ version, rate, switch: switching = 'auto' }: RebuildRequest): void {
  const refuse = (field: string, rule: string): TidingsError =>
    new TidingsError('TIDINGS_INVALID_OPTION', `Expected \`${field}\` to be ${rule}.`, { details: { field } })
  if (version !== undefined && !(Number.isSafeInteger(version) && version >= 1))
    throw refuse('version', 'a whole number from 1')
  if (rate !== undefined && !(Number.isFinite(rate) && rate >= 1)) throw refuse('rate', 'a number from 1')
  if (switching !== 'auto' && switching !== 'manual') throw refuse('switch', "'auto' or 'manual'")
}

function unknown(name: string): TidingsError {
  return new TidingsError(
    'TIDINGS_NOT_FOUND',
    `No process has begun the projection ${JSON.stringify(String(name).slice(0, 80))} in this store.`,
    { details: { field: 'name' } },
  )
}

function notFound(name: string, what: string): TidingsError {
  return new TidingsError('TIDINGS_NOT_FOUND', `The projection ${name} ${what}.`, { details: { name } })
}
