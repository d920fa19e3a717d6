import { randomBytes } from 'node:crypto'

import type { FastifyPluginCallback, FastifyRequest } from 'fastify'
import { type AnyEventDefinition, busStatus, type EventBus } from 'tidings'
import { hidden } from '../hidden.ts'
import { loopbackOnly } from '../loopback-only.ts'
import { HttpProblem } from '../problems.ts'
import { EventFeed } from './event-feed.ts'
import { EventStream } from './event-stream.ts'
import { masking } from './masking.ts'
import { pageHtml } from './page-html.ts'
import { type PageState, type Panel, pageState } from './page-state.ts'

export interface StatusPageOptions {
  /** Buses of one store. The first one's log is shown. */
  readonly buses: readonly [EventBus, ...EventBus[]]
  /** Definitions that say which fields are sensitive. Fields such as `password` and `email` are masked whoever defines them. */
  readonly events?: readonly AnyEventDefinition[]
  readonly panels?: readonly Panel[]
  /** Default 'Tidings'. */
  readonly title?: string
  /** What to do so that there are events to see: a sentence, and a command to copy, in which `{origin}` becomes the page's own. */
  readonly empty?: { readonly text: string; readonly command?: string }
  /** Newest events kept on the page. Default 200. */
  readonly keep?: number
  /** Who may see it: this machine only, or whoever the function says. Default 'loopback'. */
  readonly access?: 'loopback' | ((request: FastifyRequest) => boolean | Promise<boolean>)
}

/** How often the log is looked at while somebody watches, in milliseconds. */
const eventsEvery = 250
/** How often the state is told, in milliseconds. */
const stateEvery = 1_000

/** `/`: what the buses of this process do, live. One page without anything from elsewhere; all it shows is written as text. */
export const statusPage: FastifyPluginCallback<StatusPageOptions> = (app, options, done) => {
  const { buses, panels = [], title = 'Tidings', access = 'loopback' } = options
  const feed = new EventFeed(buses[0], options.keep ?? 200, masking(options.events ?? []))
  let timer: NodeJS.Timeout | undefined
  let looking = false
  let toldAt = 0

  const look = async (): Promise<void> => {
    if (looking) return
    looking = true
    try {
      const { store } = await busStatus(buses[0])
      const fresh = store.reachable ? await feed.read(store.head) : []
      if (fresh.length > 0) stream.send('events', fresh)
      if (fresh.length > 0 || performance.now() - toldAt >= stateEvery) {
        toldAt = performance.now()
        stream.send('state', await pageState(buses, panels))
      }
    } catch {
      // An unreadable event or a panel that fails must not end the page; the next look may fare better.
    } finally {
      looking = false
    }
  }
  const stream = new EventStream(() => {
    if (stream.watchers > 0) timer ??= setInterval(() => void look(), eventsEvery).unref()
    else {
      clearInterval(timer)
      timer = undefined
    }
  })

  app.addHook('onRequest', access === 'loopback' ? loopbackOnly : onlyWhere(access))
  app.addHook('preClose', () => {
    clearInterval(timer)
    stream.close()
  })

  app.get('/', hidden, (_request, reply) => {
    const nonce = randomBytes(18).toString('base64')
    void reply.headers({
      'content-security-policy': `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cache-control': 'no-store',
    })
    return reply
      .type('text/html; charset=utf-8')
      .send(pageHtml({ nonce, title, empty: options.empty ?? noEvents, base: app.prefix }))
  })

  // A HEAD of it would be a stream that nobody reads.
  app.get('/status/stream', { ...hidden, exposeHeadRoute: false }, async (_request, reply) => {
    stream.assertRoom()
    // Takes long while the store is away: by then the browser may have gone, and others may have come.
    await look()
    const state = await pageState(buses, panels)
    if (stream.add(reply)) stream.send('hello', { state, events: feed.rows }, [reply])
    return reply
  })

  app.get('/status/state', hidden, async (_request, reply): Promise<PageState & { events: unknown }> => {
    await look()
    void reply.header('cache-control', 'no-store')
    return { ...(await pageState(buses, panels)), events: feed.rows }
  })

  app.get('/status/chain', hidden, async (request, reply) => {
    const { correlation } = request.query as { correlation?: unknown }
    if (typeof correlation !== 'string' || correlation === '' || correlation.length > 1_000) {
      throw new HttpProblem({
        status: 400,
        title: 'The request is not valid',
        errors: [{ field: 'correlation', rule: 'must be 1 to 1,000 characters' }],
      })
    }
    void reply.header('cache-control', 'no-store')
    return { events: await feed.chain(correlation) }
  })
  done()
}

const noEvents = { text: 'Publish one, and it appears here by itself.' }

function onlyWhere(allowed: (request: FastifyRequest) => boolean | Promise<boolean>) {
  return async (request: FastifyRequest): Promise<void> => {
    if (!(await allowed(request))) throw new HttpProblem({ status: 403, title: 'This is not yours to see' })
  }
}
