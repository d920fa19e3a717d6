import { resolve } from 'node:path'

import { memoryStore, type Store, type StoreAdapter, TidingsError } from 'tidings/spi'

import { append, openJournal, readJournal } from './journal.ts'

/** Files that a store of this process has open. A store for production would lock the file against other processes, too. */
const inUse = new Set<string>()

// #region adapter
/** A store whose truth is a file of JSON lines, and whose memory is the memory store. For small things that must outlive their process. */
export function journal(path: string): StoreAdapter {
  return { name: 'journal', open: () => openStore(resolve(path)) }
}
// #endregion adapter

// #region open
async function openStore(path: string): Promise<Store> {
  if (inUse.has(path))
    throw new TidingsError('TIDINGS_STORE_UNAVAILABLE', 'Another store of this process has this journal open.')
  inUse.add(path)
  const memory = memoryStore()
  // The memory store answers the same calls in the same way, so playing them again rebuilds it.
  for (const entry of await readJournal(path)) {
    if ('units' in entry) await memory.commit(entry.units)
    else await memory.prune(entry.prune)
  }
  const file = await openJournal(path)
  let turn: Promise<unknown> = Promise.resolve()
  let closing: Promise<void> | undefined
  let broken = false

  /** One change at a time: first the file, then the memory, so that nobody reads what might not last. */
  const change = <Result>(write: () => Promise<void>, apply: () => Promise<Result>): Promise<Result> => {
    if (closing !== undefined) return Promise.reject(new TidingsError('TIDINGS_CLOSED', 'The journal store is closed.'))
    const changed = turn.then(async () => {
      if (broken)
        throw new TidingsError('TIDINGS_STORE_UNAVAILABLE', 'The journal could not be written; open it again.')
      try {
        await write()
      } catch (cause) {
        // Half a line may stand in the file. Whoever opens it next cuts it off, or finds it whole.
        broken = true
        throw new TidingsError('TIDINGS_COMMIT_UNKNOWN', 'The journal could not be written.', { cause })
      }
      return apply()
    })
    turn = changed.catch(() => {})
    return changed
  }
  // #endregion open

  // #region store
  return {
    ...memory,
    capabilities: Object.freeze({ ...memory.capabilities, name: 'journal', durability: 'store' }),
    commit: (units) =>
      change(
        () => append(file, { units }),
        () => memory.commit(units),
      ),
    prune: (query) =>
      change(
        () => append(file, { prune: query }),
        () => memory.prune(query),
      ),
    close() {
      closing ??= turn.then(async () => {
        await file.close()
        await memory.close()
        inUse.delete(path)
      })
      return closing
    },
  }
  // #endregion store
}
