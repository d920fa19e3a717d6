import type { DocumentChange, Expectation, Statement, Store, Unit } from '../store/store.ts'
import { type ProjectionState, projectionsCollection } from './generation.ts'

/** A state as it was read; `version` 0: there is none yet. */
export interface ReadState {
  readonly state: ProjectionState | undefined
  readonly version: number
}

export async function readState(store: Store, name: string): Promise<ReadState> {
  const [document] = await store.find(projectionsCollection, { id: name })
  return document === undefined
    ? { state: undefined, version: 0 }
    : { state: JSON.parse(document.body) as ProjectionState, version: document.version }
}

/** What else becomes true with a new state. */
export interface Together {
  readonly statements?: readonly Statement[] | undefined
  readonly expect?: readonly Expectation[] | undefined
  readonly documents?: readonly DocumentChange[] | undefined
}

export function stateUnit(next: ProjectionState, version: number, together: Together = {}): Unit {
  const { statements, expect = [], documents = [] } = together
  return {
    expect: [{ collection: projectionsCollection, id: next.name, version }, ...expect],
    documents: [{ collection: projectionsCollection, id: next.name, put: JSON.stringify(next) }, ...documents],
    ...(statements === undefined || statements.length === 0 ? {} : { statements }),
  }
}

/**
 * Replaces a state as it was read, with what becomes true together with it. False where somebody else was faster, or what else was expected is no longer
 * so. Throws what the store says of statements that it refuses.
 */
export async function replaceState(
  store: Store,
  next: ProjectionState,
  version: number,
  together: Together = {},
): Promise<boolean> {
  const [result] = await store.commit([stateUnit(next, version, together)])
  if (result?.status === 'committed') return true
  if (result?.status === 'refused') {
    // Two that make the same table at once get into each other's way before either can see the other's document.
    if ((await readState(store, next.name)).version !== version) return false
    throw result.error
  }
  return false
}

/** Changes a state until nobody else was faster. `next` answers undefined where there is nothing to change. */
export async function changeState(
  store: Store,
  name: string,
  next: (state: ProjectionState | undefined) => ProjectionState | undefined,
): Promise<ProjectionState | undefined> {
  for (;;) {
    const { state, version } = await readState(store, name)
    const wanted = next(state)
    if (wanted === undefined || wanted === state) return state
    if (await replaceState(store, wanted, version)) return wanted
  }
}
