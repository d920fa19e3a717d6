import type { BusParts } from '../bus/bus-parts.ts'
import type { Event } from '../events/event.ts'
import type { Runtime } from '../kernel/runtime.ts'
import type { Behind, Joined, JoinedListener, JoiningEvent } from '../publisher/joined-listener.ts'
import type { DocumentChange, Statement, Store } from '../store/store.ts'
import { decode } from '../subscriber/decode.ts'
import { type InlinePromise, inlineCollection, inlineId } from '../subscriber/inline-promise.ts'
import { InlineTurn } from '../subscriber/inline-turn.ts'
import { tableNames } from './apply-event.ts'
import type { ProjectionContext } from './define-projection.ts'
import { liveOf, projectionsCollection, subscriptionName } from './generation.ts'
import { overlaySink } from './overlay-sink.ts'
import { writableCollections } from './projection-documents.ts'
import type { ProjectionSettings } from './projection-settings.ts'
import { changeState, type ReadState, readState } from './state-store.ts'
import { withHold } from './transitions.ts'

/**
 * The live generation of a projection, written in the commits of this process. With each event goes a mark, so that the generation's own subscription, which
 * hears all events, passes those that were applied in their commit. Each commit expects the projection's document as it was read: nobody writes to a
 * generation that readers have left, or while two are compared.
 */
export function joinedProjection(parts: BusParts, settings: ProjectionSettings): JoinedListener {
  const { store, runtime, declared, reading } = parts
  const { name, handlers } = settings
  let known: ReadState | undefined
  let turn: { readonly generation: number; readonly of: InlineTurn } | undefined

  return {
    name,
    matches: (type) => handlers.has(type),

    async join(events): Promise<Joined | Behind | 'queued'> {
      known ??= await readFree(store, runtime, name)
      const { state, version } = known
      const live = state === undefined ? undefined : liveOf(state)
      const subscription = declared.find((one) => one.settings.name === subscriptionName(name, live?.number ?? 0))
      // Readers see what the code of another process makes; it has its own feeders.
      if (
        state === undefined ||
        live?.shape !== settings.shape ||
        live.version !== settings.version ||
        subscription === undefined
      ) {
        known = undefined
        return 'queued'
      }
      if (state.hold !== undefined) {
        known = undefined
        return { behind: undefined }
      }
      if (turn?.generation !== live.number)
        turn = { generation: live.number, of: new InlineTurn(store, runtime, subscription, 0) }
      const { of } = turn
      for (const { stream, streamVersion, partition } of firstOfEach(events)) {
        const place = { stream, streamVersion, partition, position: Number.MAX_SAFE_INTEGER }
        if ((await of.before(place)) === 'done') continue
        // A projection that is new to an old log comes up once; nobody is kept waiting for all of that.
        if (live.caughtUpAt !== undefined) return { behind: stream }
        known = undefined
        return 'queued'
      }
      const statements: Statement[] = []
      const overlay = overlaySink(store)
      const context: ProjectionContext = {
        tables: tableNames(live.tables, live.number),
        write: (statement) => void statements.push(statement),
        documents: writableCollections(name, live.number, settings.documents, overlay.sink),
      }
      const marks: DocumentChange[] = []
      for (const { record, stream, partition } of events) {
        const event = await decode({ partition, offset: 0, stream, record }, subscription, reading)
        await handlers.get(event.type)?.(event as Event<never>, context)
        const mark: InlinePromise = { state: 'done', until: runtime.now() }
        marks.push({ collection: inlineCollection, id: inlineId(subscription, record), put: JSON.stringify(mark) })
      }
      return {
        statements,
        expect: [{ collection: projectionsCollection, id: name, version }, ...overlay.expect()],
        documents: [...overlay.changes(), ...marks],
        // Readers may see another generation by then, and what was applied to this one says nothing of it.
        committed: () => events.forEach((event) => of.handled(event)),
      }
    },

    forget() {
      known = undefined
    },
  }
}

/** The state; a hold that is over is taken away first, for whoever held must learn from the document that he holds no more. */
async function readFree(store: Store, runtime: Runtime, name: string): Promise<ReadState> {
  const read = await readState(store, name)
  if (read.state?.hold === undefined || read.state.hold.until > runtime.now()) return read
  await changeState(store, name, (state) =>
    state?.hold === undefined || state.hold.until > runtime.now() ? undefined : withHold(state, undefined),
  )
  return readState(store, name)
}

function firstOfEach(events: readonly JoiningEvent[]): Iterable<JoiningEvent> {
  const first = new Map<string, JoiningEvent>()
  for (const event of events) if (!first.has(event.stream)) first.set(event.stream, event)
  return first.values()
}
