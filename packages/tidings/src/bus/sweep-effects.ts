import type { Position, Store, StoredDocument } from '../store/store.ts'
import { effectsCollection } from '../subscriber/attempt.ts'

/** Records that are looked at in one go, and how many events are asked for at once. */
const batch = 200
const atOnce = 20

/**
 * Removes the records of calls to the outside whose event has left the log: as long as it stands, a replay or something parked may bring it again, and the
 * call must not be made twice. Events leave when everybody has passed them. Goes round all records, one batch at each run, and on while it finds much to
 * remove.
 */
export class EffectsSweep {
  readonly #store: Store
  /** Id of the last record looked at; empty: it begins anew. */
  #after = ''

  constructor(store: Store) {
    this.#store = store
  }

  async run(stopped: () => boolean): Promise<void> {
    for (let much = true; much && !stopped(); ) much = (await this.#next(stopped)) * 2 >= batch
  }

  /** Looks at one batch; answers how many are gone. */
  async #next(stopped: () => boolean): Promise<number> {
    const store = this.#store
    const records = await store.find(effectsCollection, { after: this.#after, limit: batch })
    this.#after = records.length < batch ? '' : (records.at(-1)?.id ?? '')
    if (records.length === 0) return 0
    const { through: head } = await store.readAll({ after: 0, limit: 1, types: [] })
    const gone: StoredDocument[] = []
    for (let at = 0; at < records.length && !stopped(); at += atOnce) {
      const some = records.slice(at, at + atOnce)
      const stand = await Promise.all(some.map((record) => stands(store, record, head)))
      gone.push(...some.filter((_, index) => stand[index] === false))
    }
    if (gone.length === 0) return 0
    await store.commit(
      gone.map(({ id, version }) => ({
        expect: [{ collection: effectsCollection, id, version }],
        documents: [{ collection: effectsCollection, id, delete: true }],
      })),
    )
    return gone.length
  }
}

/** Whether an event of the one that a record is of stands in the log; where nobody can tell, it does. */
async function stands(store: Store, { id, body }: StoredDocument, head: Position): Promise<boolean> {
  const record = readEffect(body)
  if (record === undefined) return true
  const { subscription, eventId, name } = record
  const source = id.slice(subscription.length + 1, -(eventId.length + name.length + 2))
  if (id !== `${subscription}/${source}/${eventId}/${name}`) return true
  for (let after = 0; ; ) {
    const { events, through } = await store.readAll({ after, limit: atOnce, id: eventId })
    if (events.some((event) => event.record.source === source)) return true
    if (through >= head || through <= after) return false
    after = through
  }
}

interface Effect {
  readonly subscription: string
  readonly eventId: string
  readonly name: string
}

function readEffect(body: string): Effect | undefined {
  try {
    const read = JSON.parse(body) as Effect
    return [read.subscription, read.eventId, read.name].every((one) => typeof one === 'string') ? read : undefined
  } catch {
    return undefined
  }
}
