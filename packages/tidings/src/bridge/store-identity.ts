import type { Runtime } from '../kernel/runtime.ts'
import type { Store } from '../store/store.ts'

/** Collection of what tells one store from another: one document, made once. */
export const identityCollection = 'identity'

const id = 'store'

/** The name of a store for good, drawn when somebody first asks: the same for all who open it, and for no other store. */
export async function identityOf(store: Store, runtime: Runtime): Promise<string> {
  for (;;) {
    const [known] = await store.find(identityCollection, { id })
    if (known !== undefined) return (JSON.parse(known.body) as { readonly id: string }).id
    const put = JSON.stringify({ id: runtime.id(), since: runtime.now() })
    const [result] = await store.commit([
      {
        expect: [{ collection: identityCollection, id, version: 0 }],
        documents: [{ collection: identityCollection, id, put }],
      },
    ])
    if (result?.status === 'refused') throw result.error
  }
}
