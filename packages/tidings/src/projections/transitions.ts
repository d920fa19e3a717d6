import type { Position } from '../store/store.ts'
import type { Generation, Hold, Parity, ProjectionState } from './generation.ts'

/** What code brings to a generation that it makes. */
export interface Made {
  readonly version: number
  readonly shape: string
  readonly types: readonly string[]
  readonly tables: readonly string[]
  readonly collections: readonly string[]
  readonly joined: boolean
  /** See `Generation.keep`. */
  readonly keep?: number
}

export interface Begin extends Made {
  readonly reason: Generation['reason']
  readonly by: string
  readonly now: number
  readonly head: Position
  readonly switch: 'auto' | 'manual'
  readonly rate?: number | undefined
}

/** The first generation, live at once: there is nothing that readers could see instead. */
export function firstState(name: string, begin: Begin): ProjectionState {
  const generation: Generation = {
    ...newGeneration(1, begin),
    state: 'live',
    beganAt: begin.now,
    liveAt: begin.now,
    ...(begin.head === 0 ? { caughtUpAt: begin.now } : {}),
  }
  return { name, last: 1, generations: [generation] }
}

/** A new generation that is being built. One that was on its way before gives way. */
export function beginBuild(state: ProjectionState, begin: Begin): ProjectionState {
  const number = state.last + 1
  const generation: Generation = { ...newGeneration(number, begin), state: 'building', beganAt: begin.now }
  const left = giveWay(state, begin.version, begin.now)
  return { ...left, last: number, generations: [...left.generations, generation] }
}

/** Somebody wants a new build of a version; whoever has its code makes it. */
export function askBuild(
  state: ProjectionState,
  asked: Omit<Begin, 'reason' | keyof Omit<Made, 'version'>>,
): ProjectionState {
  const number = state.last + 1
  const none = { shape: '', types: [], tables: [], collections: [], joined: false }
  const generation = newGeneration(number, { ...asked, ...none, reason: 'rebuild' })
  const stopped = (state.stopped ?? []).filter((version) => version !== asked.version)
  return { ...state, last: number, generations: [...state.generations, generation], stopped }
}

export function startAsked(
  state: ProjectionState,
  number: number,
  made: Made,
  head: Position,
  now: number,
): ProjectionState {
  return change(state, number, (generation) => ({
    ...generation,
    ...made,
    target: head,
    state: 'building',
    beganAt: now,
  }))
}

/** Everything that stood in the log when it began is applied. */
export function noteCaughtUp(state: ProjectionState, number: number, now: number): ProjectionState {
  return change(state, number, (generation) => ({ caughtUpAt: now, ...generation }))
}

/** It has caught up, and may have been compared. */
export function markReady(state: ProjectionState, number: number, parity: Parity, now: number): ProjectionState {
  return change(state, number, (generation) => ({
    ...generation,
    state: 'ready',
    parity,
    caughtUpAt: generation.caughtUpAt ?? now,
  }))
}

export function noteParity(state: ProjectionState, number: number, parity: Parity): ProjectionState {
  return change(state, number, (generation) => ({ ...generation, parity }))
}

/** Readers see this one from here on. The one before is kept for a while; what was kept before that leaves. */
export function switchTo(
  state: ProjectionState,
  number: number,
  { now, keep, parity }: { readonly now: number; readonly keep: number; readonly parity?: Parity | undefined },
): ProjectionState {
  const { hold: _hold, ...rest } = state
  return {
    ...rest,
    generations: state.generations.map((generation): Generation => {
      if (generation.number === number) {
        const { keepUntil: _keep, endedAt: _ended, ...left } = generation
        return {
          ...left,
          state: 'live',
          liveAt: now,
          caughtUpAt: generation.caughtUpAt ?? now,
          ...(parity === undefined ? {} : { parity }),
        }
      }
      if (generation.state === 'live') return { ...generation, state: 'kept', endedAt: now, keepUntil: now + keep }
      if (generation.state === 'kept') return { ...generation, state: 'leaving', endedAt: now }
      return generation
    }),
  }
}

/** Nobody wants it any more. */
export function leave(state: ProjectionState, number: number, now: number): ProjectionState {
  return change(state, number, (generation) => ({ ...generation, state: 'leaving', endedAt: now }))
}

/** Code that brings this version along begins no build of it by itself. */
export function stopVersion(state: ProjectionState, version: number): ProjectionState {
  return { ...state, stopped: [...new Set([...(state.stopped ?? []), version])] }
}

/** Its tables are gone. */
export function tablesGone(state: ProjectionState, number: number): ProjectionState {
  return change(state, number, (generation) => ({ ...generation, tables: [] }))
}

export function withoutGeneration(state: ProjectionState, number: number): ProjectionState {
  return { ...state, generations: state.generations.filter((generation) => generation.number !== number) }
}

export function withHold(state: ProjectionState, hold: Hold | undefined): ProjectionState {
  const { hold: _hold, ...rest } = state
  return hold === undefined ? rest : { ...rest, hold }
}

function newGeneration(number: number, begin: Begin): Generation {
  const { version, shape, types, tables, collections, joined, keep, reason, by, now, head, rate } = begin
  return {
    number,
    version,
    state: 'asked',
    reason,
    by,
    at: now,
    shape,
    types,
    tables,
    collections,
    ...(joined ? { joined } : {}),
    ...(keep === undefined ? {} : { keep }),
    target: head,
    switch: begin.switch,
    ...(rate === undefined ? {} : { rate }),
  }
}

/** Builds of older versions that never became live are of no use once a newer one begins. */
function giveWay(state: ProjectionState, version: number, now: number): ProjectionState {
  const generations = state.generations.map((generation): Generation => {
    const waits = generation.state === 'asked' || generation.state === 'building' || generation.state === 'ready'
    return waits && generation.version < version ? { ...generation, state: 'leaving', endedAt: now } : generation
  })
  return { ...state, generations }
}

function change(state: ProjectionState, number: number, next: (generation: Generation) => Generation): ProjectionState {
  return {
    ...state,
    generations: state.generations.map((generation) => (generation.number === number ? next(generation) : generation)),
  }
}
