import swagger from '@fastify/swagger'
import { correlation, health, metrics, problems } from '@tidings/http'
import { type PrometheusMeter, prometheusMeter } from '@tidings/prometheus'
import Fastify from 'fastify'
import {
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod'
import {
  type BusConfig,
  createEventBus,
  type EventBus,
  isSqlStore,
  type Log,
  type SqlStore,
  sharedStore,
  statusGauges,
  TidingsError,
} from 'tidings'

import { endingOf } from './end-server.ts'
import { migrate } from './migrate.ts'
import { measureRequests } from './request-meter.ts'
import type { Service, ServiceApp, ServiceParts } from './service.ts'

/** `url` says where events and tables are kept: an SQL store such as `sqlite:./tidings.db`. A broker joins one service to others. */
export interface OpenServicesOptions extends BusConfig {
  /** One log for each service. Default: silent. */
  readonly log?: (service: string) => Log
  /** Wall clock, milliseconds since 1970. Default: the system's. */
  readonly now?: () => number
  /** Title of the OpenAPI document. Default: the names of the services. */
  readonly title?: string
  /** How long a request may take to arrive, head and body, in milliseconds; then it is answered with 408 and hung up on. Default 30,000. */
  readonly requestTimeout?: number
}

/** Services that are wired up: each with a bus of its own, all on one store, behind one HTTP server. */
export interface ServiceHost {
  readonly app: ServiceApp
  readonly store: SqlStore
  /** By the service's name. */
  readonly buses: ReadonlyMap<string, EventBus>
  readonly meter: PrometheusMeter
  /** Delivery begins. Idempotent. */
  readonly start: () => Promise<void>
  /**
   * Takes no more requests, answers those it has, drains the buses, then closes services and store. Requests and buses share `deadline`
   * milliseconds (default 10,000): connections that are still open then are cut off, and the buses have what is left, a second at least. Idempotent.
   */
  readonly close: (options?: { readonly deadline?: number }) => Promise<void>
}

/**
 * Opens the store, brings the services' tables up to date, and wires each service to its bus and the server: `/health/*`, `/metrics`,
 * `/openapi.json` and the services' routes. Rejects with `TIDINGS_NOT_SUPPORTED` for a store without SQL, and `TIDINGS_INVALID_OPTION` for
 * a `requestTimeout` that is none; then nothing stays open.
 */
export async function openServices(services: readonly Service[], options: OpenServicesOptions): Promise<ServiceHost> {
  const { log = () => () => {}, now = Date.now, requestTimeout = 30_000 } = options
  const { url, transportUrl, group, retention, sagaTimeout, sagas } = checked(services, options)
  const meter = prometheusMeter()
  const store = sqlStoreOf(await sharedStore(url, { log: log('store'), meter: meter.with({ service: 'store' }) }))
  const buses = new Map<string, EventBus>()
  const parts: ServiceParts[] = []
  let closing: Promise<void> | undefined
  const app: ServiceApp = Fastify({
    bodyLimit: 65_536,
    // Fastify's default is to wait for ever, and Node looks every 30 s only.
    requestTimeout,
    http: {
      headersTimeout: Math.min(requestTimeout, 10_000),
      requestTimeout,
      connectionsCheckingInterval: Math.min(requestTimeout, 2_000),
    },
  }).withTypeProvider<ZodTypeProvider>()
  const endServer = endingOf(app)

  const closeAll = async (deadline: number): Promise<void> => {
    const began = performance.now()
    const left = (): number => Math.max(deadline - (performance.now() - began), Math.min(deadline, 1_000))
    const ends: (() => unknown)[] = [
      () => endServer(deadline),
      () => Promise.all([...buses.values()].map((bus) => bus.close({ deadline: left() }))),
      () => Promise.all(parts.map(async (part) => part.close?.())),
      () => store.close(),
    ]
    // What cannot be closed must not keep the rest open.
    const failures: unknown[] = []
    for (const end of ends) {
      try {
        await end()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }
  const close = (deadline = 10_000): Promise<void> => (closing ??= closeAll(deadline))

  try {
    for (const service of services) {
      const serviceMeter = meter.with({ service: service.name })
      const bus = await createEventBus({
        store,
        source: `/${service.name}`,
        ...(transportUrl === undefined ? {} : { transportUrl }),
        ...(transportUrl === undefined || group === undefined ? {} : { group }),
        ...(retention === undefined ? {} : { retention }),
        ...(sagaTimeout === undefined ? {} : { sagaTimeout }),
        ...(sagas === undefined ? {} : { sagas }),
        events: service.events,
        log: log(service.name),
        meter: serviceMeter,
      })
      buses.set(service.name, bus)
      await migrate(store, { service, now, log: log(service.name) })
      parts.push(await service.attach({ bus, store, log: log(service.name), meter: serviceMeter, now }))
    }
    await serve(app, { services, parts, buses, meter, log: log('http'), title: options.title })
  } catch (error) {
    await close().catch(() => {})
    throw error
  }

  return {
    app,
    store,
    buses,
    meter,
    start: async () => {
      await Promise.all([...buses.values()].map((bus) => bus.start()))
    },
    close: ({ deadline } = {}) => close(deadline),
  }
}

interface Served {
  readonly services: readonly Service[]
  readonly parts: readonly ServiceParts[]
  readonly buses: ReadonlyMap<string, EventBus>
  readonly meter: PrometheusMeter
  readonly log: Log
  readonly title: string | undefined
}

async function serve(app: ServiceApp, { services, parts, buses, meter, log, title }: Served): Promise<void> {
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  measureRequests(app, meter.with({ service: 'http' }))
  await app.register(problems, { log })
  await app.register(correlation)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: title ?? services.map(({ name }) => name).join(', '), version: '0.1.0' },
      components: { securitySchemes: { session: { type: 'http', scheme: 'bearer' } } },
    },
    transform: jsonSchemaTransform,
  })
  const also = async (): Promise<readonly string[]> =>
    (await Promise.all(parts.map(async (part) => part.notReady?.() ?? []))).flat()
  await app.register(health, { buses: [...buses.values()], also })
  const looks = [...buses].map(([name, bus]) => statusGauges(bus, meter.with({ service: name })))
  await app.register(metrics, {
    contentType: meter.contentType,
    async text() {
      await Promise.all(looks.map((look) => look()))
      return meter.text()
    },
  })
  for (const { routes } of parts) {
    if (routes !== undefined)
      await app.register((scope, _options, done) => (routes(scope.withTypeProvider<ZodTypeProvider>()), done()))
  }
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
}

/** Throws `TIDINGS_NOT_SUPPORTED` for what services cannot do without, or not together, and `TIDINGS_INVALID_OPTION` for times that are none. */
function checked(services: readonly Service[], options: OpenServicesOptions): BusConfig & { readonly url: string } {
  const refuse = (message: string, capability: string): never => {
    throw new TidingsError('TIDINGS_NOT_SUPPORTED', message, { details: { capability } })
  }
  if (options.transportUrl !== undefined && services.length > 1)
    refuse('Behind a broker each service has a store of its own: run the services as processes of their own.', 'store')
  if (options.url === undefined || options.store !== undefined)
    refuse(
      'Services keep tables of their own and need an SQL store, such as TIDINGS_STORE_URL=sqlite:./tidings.db.',
      'sql',
    )
  const { requestTimeout = 1 } = options
  if (!(Number.isSafeInteger(requestTimeout) && requestTimeout >= 1 && requestTimeout <= 86_400_000))
    throw new TidingsError(
      'TIDINGS_INVALID_OPTION',
      'Expected `requestTimeout` to be whole milliseconds from 1 to 86,400,000.',
      { details: { field: 'requestTimeout' } },
    )
  return options as BusConfig & { readonly url: string }
}

function sqlStoreOf(store: Awaited<ReturnType<typeof sharedStore>>): SqlStore {
  if (isSqlStore(store)) return store
  void store.close()
  throw new TidingsError(
    'TIDINGS_NOT_SUPPORTED',
    `Services keep tables of their own and need an SQL store, such as TIDINGS_URL=sqlite:./tidings.db; the store ${store.capabilities.name} has none.`,
    { details: { capability: 'sql', store: store.capabilities.name } },
  )
}
