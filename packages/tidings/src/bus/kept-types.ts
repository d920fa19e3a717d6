import type { Store, Unit } from '../store/store.ts'

export const aggregatesCollection = 'aggregates'

/** Of one category that a state is rebuilt from: the types whose events no retention may remove. */
export interface KeptTypes {
  readonly category: string
  readonly types: readonly string[]
}

/** Types of events that a state is rebuilt from: they leave the log only into the archive, or when their stream is deleted. */
export async function keptTypes(store: Store): Promise<ReadonlySet<string>> {
  const documents = await store.find(aggregatesCollection, { limit: 100_000 })
  return new Set(documents.flatMap(({ body }) => (JSON.parse(body) as KeptTypes).types))
}

/** Notes, for good, that events of these types are kept; resolves before any of them may be written. */
export async function keepTypes(store: Store, category: string, types: readonly string[]): Promise<void> {
  for (;;) {
    const unit = await keepingTypes(store, category, types)
    if (unit === undefined) return
    const [result] = await store.commit([unit])
    if (result?.status === 'committed') return
    if (result?.status === 'refused') throw result.error
  }
}

/** What notes it, for those who commit it with more; undefined where it is noted already. */
export async function keepingTypes(
  store: Store,
  category: string,
  types: readonly string[],
): Promise<Required<Pick<Unit, 'expect' | 'documents'>> | undefined> {
  const [document] = await store.find(aggregatesCollection, { id: category })
  const known = document === undefined ? [] : (JSON.parse(document.body) as KeptTypes).types
  const all = [...new Set([...known, ...types])].sort()
  if (all.length === known.length) return undefined
  const kept: KeptTypes = { category, types: all }
  return {
    expect: [{ collection: aggregatesCollection, id: category, version: document?.version ?? 0 }],
    documents: [{ collection: aggregatesCollection, id: category, put: JSON.stringify(kept) }],
  }
}
