import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { AnyEventDefinition, EventBus, Log, Meter, SqlStore, sql } from 'tidings'

/** A service as data: what its process, or a process that runs several, must know to run it. */
export interface Service {
  /** Also its source: `auth` publishes as `/auth`. Subscriptions and tables begin with it, since services may share a store. */
  readonly name: string
  /** Its contract: all events that it publishes. */
  readonly events: readonly AnyEventDefinition[]
  /** Its tables, oldest first. Never edited once released; a change is a new one. */
  readonly migrations: readonly Migration[]
  /** Subscribes on the bus, which has not started yet, and says what else there is. Its tables exist. */
  attach(world: ServiceWorld): ServiceParts | Promise<ServiceParts>
}

export interface Migration {
  /** Unique in its service, such as `0001-accounts`. */
  readonly id: string
  readonly statements: readonly ReturnType<typeof sql>[]
}

/** What a service is given to work with. */
export interface ServiceWorld {
  readonly bus: EventBus
  readonly store: SqlStore
  readonly log: Log
  readonly meter: Meter
  /** Wall clock, milliseconds since 1970. */
  readonly now: () => number
}

export interface ServiceParts {
  /** Adds its routes, each with its whole path. Those that need a login say `security: [{ session: [] }]`. */
  readonly routes?: (app: ServiceApp) => void
  /** Further reasons not to be ready; none when all is well. */
  readonly notReady?: () => readonly string[] | Promise<readonly string[]>
  /** Called once the bus has drained. */
  readonly close?: () => void | Promise<void>
}

/** A Fastify server whose schemas are zod's. */
export type ServiceApp = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression<RawServerDefault>,
  RawReplyDefaultExpression<RawServerDefault>,
  FastifyBaseLogger,
  ZodTypeProvider
>
