import { isSqlStore } from '../store/sql-store.ts'
import { tableNames } from './apply-event.ts'
import type { Carrier } from './carry-on.ts'
import type { Compared } from './check-input.ts'
import type { Collections } from './define-projection.ts'
import { type Digest, digestCollection, digestTable } from './digest.ts'
import { collectionName, type Generation, type Parity, tableName } from './generation.ts'
import type { Level } from './hold.ts'
import { readableCollection } from './projection-documents.ts'
import { whileExtending } from './while-extending.ts'

type Verdict = Pick<Parity, 'verdict' | 'says'>

/**
 * Compares two generations that stand at one position: those of one version row by row, those of two by the check that the definition brings along. Feeders
 * wait meanwhile, however long it takes.
 */
export function compareGenerations(carrier: Carrier, level: Level): Promise<Verdict> {
  return whileExtending(carrier.runtime, level, (goOn) =>
    level.next.version === level.live.version ? compareRows(carrier, level, goOn) : checkVersion(carrier, level),
  )
}

async function compareRows(
  { store, settings }: Carrier,
  { next, live }: Level,
  goOn: () => Promise<void>,
): Promise<Verdict> {
  let rows = 0
  const pair = async (what: string, digest: (number: number) => Promise<Digest>): Promise<string | undefined> => {
    const [a, b] = [await digest(live.number), await digest(next.number)]
    rows += b.rows
    if (a.rows !== b.rows)
      return `${what} holds ${a.rows} in generation ${live.number} and ${b.rows} in generation ${next.number}`
    return a.hash === b.hash ? undefined : `${what} holds ${a.rows} in both generations, and they are not the same`
  }
  const differences: string[] = []
  for (const table of next.tables) {
    if (!isSqlStore(store)) break
    const difference = await pair(`table ${table}`, (number) => digestTable(store, tableName(table, number), goOn))
    if (difference !== undefined) differences.push(difference)
  }
  for (const collection of next.collections) {
    const difference = await pair(`collection ${collection}`, (number) =>
      digestCollection(store, collectionName(settings.name, collection, number), goOn),
    )
    if (difference !== undefined) differences.push(difference)
  }
  return differences.length === 0
    ? { verdict: 'equal', says: `Both generations hold the same ${rows} rows.` }
    : { verdict: 'differs', says: `The generations differ: ${differences.join('; ')}.` }
}

async function checkVersion({ settings, store }: Carrier, { next, live, at }: Level): Promise<Verdict> {
  if (settings.check === undefined || next.version !== settings.version)
    return { verdict: 'skipped', says: 'A new version, and no check to compare it by.' }
  const side = (generation: Generation): Compared<string, Collections> => ({
    generation: generation.number,
    version: generation.version,
    tables: tableNames(generation.tables, generation.number),
    documents: Object.fromEntries(
      generation.collections.map((collection) => [
        collection,
        readableCollection(store, settings.name, collection, async () => generation.number),
      ]),
    ),
  })
  let answer: unknown
  try {
    answer = await settings.check({
      position: at,
      live: side(live),
      next: side(next),
      query: (statement) => {
        if (!isSqlStore(store)) throw new Error('This store has no SQL.')
        return store.query(statement)
      },
    })
  } catch (error) {
    answer = `The check has thrown: ${error instanceof Error ? error.message : String(error)}`
  }
  if (answer === undefined || answer === true) return { verdict: 'passed', says: 'The check has passed.' }
  return { verdict: 'refused', says: typeof answer === 'string' ? answer.slice(0, 1_000) : 'The check has refused it.' }
}
