import { join } from 'node:path'

/** Where the events of a scenario are that all its sides read: a file, of which each takes a copy, … */
export const fullFile = (sharedFolder: string): string => join(sharedFolder, 'full.db')

/** … or a schema of PostgreSQL, emptied when it is filled the next time. */
export const fullSchema = 'bench_full'

export function inFullSchema(address: string): string {
  const url = new URL(address)
  url.searchParams.set('schema', fullSchema)
  return url.href
}
