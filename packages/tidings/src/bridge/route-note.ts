import type { Log } from '../kernel/log.ts'
import { silentLog } from '../kernel/log.ts'
import { Mistakes } from '../kernel/mistakes.ts'
import type { Store } from '../store/store.ts'
import { type Routed, type RoutedEvent, type RouteOption, type RouteRule, routerOf } from './route.ts'

/** Collection of what a service writes down of how it stands to its broker. */
const bridgeCollection = 'bridge'
const id = 'route'

interface RouteNote {
  readonly source: string
  /** The rules as they were given; absent where a function decides, or nothing does. */
  readonly rules?: readonly RouteRule[]
  readonly function?: true
}

/** Writes down how this service routes, for those who look at its store without it. A failure is logged: it is a note, no more. */
export async function noteRoute(store: Store, source: string, route: RouteOption | undefined, log: Log): Promise<void> {
  const note: RouteNote = {
    source,
    ...(typeof route === 'function' ? { function: true } : route === undefined ? {} : { rules: route }),
  }
  const put = JSON.stringify(note)
  try {
    const [known] = await store.find(bridgeCollection, { id })
    if (known?.body !== put) await store.commit([{ documents: [{ collection: bridgeCollection, id, put }] }])
  } catch (error) {
    log('warn', 'How events are routed could not be written down', { error: (error as Error).message })
  }
}

/** How a service routes: by its own word, or by the note in its store. Undefined: nobody knows, or a function does. */
export async function readRoute(store: Store): Promise<((event: RoutedEvent) => Routed | undefined) | undefined> {
  const [known] = await store.find(bridgeCollection, { id })
  if (known === undefined) return undefined
  const { rules, function: byFunction } = JSON.parse(known.body) as RouteNote
  if (byFunction === true) return () => undefined
  const router = routerOf(rules ?? [], new Mistakes(), silentLog)
  return router === undefined ? undefined : (event) => router.decide(event)
}
