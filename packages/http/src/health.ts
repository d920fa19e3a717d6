import type { FastifyPluginCallback } from 'fastify'
import { brokerTroubles, busStatus, type Duration, type EventBus, reasonsNotReady } from 'tidings'
import { hidden } from './hidden.ts'

export interface HealthOptions {
  /** All buses that must be well. */
  readonly buses: readonly EventBus[]
  /** Further reasons not to be ready; none when all is well. */
  readonly also?: () => readonly string[] | Promise<readonly string[]>
  /** How long the store may take to answer before it counts as away. Default 2 s. */
  readonly patience?: Duration
}

/**
 * `/health/live`: 200 while the process can answer at all. `/health/ready`: 200 when it should be given work, else 503 with the reasons:
 * not started, store away, a subscription not well or halted.
 */
export const health: FastifyPluginCallback<HealthOptions> = (app, { buses, also, patience }, done) => {
  app.get('/health/live', hidden, (_request, reply) =>
    reply.header('cache-control', 'no-store').send({ status: 'live' }),
  )
  app.get('/health/ready', hidden, async (_request, reply) => {
    const [statuses, others] = await Promise.all([
      Promise.all(buses.map((bus) => busStatus(bus, patience === undefined ? {} : { patience }))),
      furtherReasons(also),
    ])
    const reasons = [...statuses.flatMap(reasonsNotReady), ...others]
    void reply.header('cache-control', 'no-store')
    // What is wrong with a broker costs no work: events wait in the store. Whoever looks may want to know.
    const notes = statuses.flatMap(brokerTroubles)
    if (reasons.length === 0) return { status: 'ready', ...(notes.length === 0 ? {} : { notes }) }
    return reply.code(503).send({ status: 'not ready', reasons: [...reasons, ...notes] })
  })
  done()
}

async function furtherReasons(also: HealthOptions['also']): Promise<readonly string[]> {
  try {
    return (await also?.()) ?? []
  } catch {
    return ['a check of readiness has failed']
  }
}
