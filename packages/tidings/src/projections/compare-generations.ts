import { isSqlStore } from '../store/sql-store.ts'
import { tableNames } from './apply-event.ts'
import type { Carrier } from './carry-on.ts'
import type { Compared } from './check-input.ts'
import type { Collections } from './define-projection.ts'
import { type Digest, digestCollection, digestTable } from './digest.ts'
import { collectionName, type Generation, type Parity, tableName } from './generation.ts'
import type { Level } from './hold.ts'
import { readableCollection } from './projection-documents.ts'

type Verdict = Pick<Parity, 'verdict' | 'says'>

/** Compares two generations that stand at one position: those of one version row by row, those of two by the check that the definition brings along. */
export async function compareGenerations(carrier: Carrier, level: Level): Promise<Verdict> {
  const { next, live } = level
  if (next.version !== live.version) return checkVersion(carrier, level)
  const { store, settings, runtime } = carrier
  let extended = runtime.monotonic()
  // A large table takes longer than feeders wait at first.
  const goOn = async (): Promise<void> => {
    if (runtime.monotonic() - extended < 2_000) return
    extended = runtime.monotonic()
    await level.extend()
  }
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
