import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { places } from './places.ts'

const busy = 5

/**
 * Runs `work` while no other process and no other call of this one holds the lock of that name.
 * It is SQLite's lock on a file, so the system gives it back when its holder dies.
 */
export async function withLock<T>(name: string, work: () => Promise<T> | T): Promise<T> {
  const file = new DatabaseSync(join(places().locks, `${name}.lock`), { timeout: 0 })
  try {
    while (!taken(file)) await pause(20)
    return await work()
  } finally {
    file.close()
  }
}

function taken(file: DatabaseSync): boolean {
  try {
    file.exec('BEGIN EXCLUSIVE')
    return true
  } catch (error) {
    if ((error as { errcode?: number }).errcode === busy) return false
    throw error
  }
}
