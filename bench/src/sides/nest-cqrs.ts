import { loadPeer } from '../../peers/load-peer.ts'
import type { Side, SideHost } from '../harness/side.ts'
import { type Envelope, envelopeOf } from '../order-event.ts'
import { Tally } from './tally.ts'

interface NestEventBus {
  publish(event: object): unknown
}

interface Nest {
  readonly NestFactory: {
    createApplicationContext(
      module: unknown,
      options: object,
    ): Promise<{ get(token: unknown): NestEventBus; close(): Promise<void>; init(): Promise<unknown> }>
  }
  readonly Module: (metadata: object) => (target: unknown) => void
  readonly CqrsModule: { forRoot(): unknown }
  readonly EventsHandler: (...events: unknown[]) => (target: unknown) => void
  readonly EventBus: unknown
}

/**
 * The event bus of @nestjs/cqrs. It waits for nobody; with the option `waits` the caller does: the handler settles a promise that travels with
 * the event, which is what an application would have to build.
 */
export async function open({ options }: SideHost): Promise<Side> {
  await loadPeer('reflect-metadata')
  const { NestFactory, Module, CqrsModule, EventsHandler, EventBus } = Object.assign(
    {},
    ...(await Promise.all(['@nestjs/core', '@nestjs/common', '@nestjs/cqrs'].map(loadPeer))),
  ) as Nest
  const tally = new Tally()

  class OrderPlaced {
    readonly envelope: Envelope
    readonly handled: (() => void) | undefined

    constructor(envelope: Envelope, handled?: () => void) {
      this.envelope = envelope
      this.handled = handled
    }
  }

  class OrderPlacedHandler {
    async handle(event: OrderPlaced): Promise<void> {
      tally.add()
      event.handled?.()
    }
  }
  EventsHandler(OrderPlaced)(OrderPlacedHandler)

  class AppModule {}
  Module({ imports: [CqrsModule.forRoot()], providers: [OrderPlacedHandler] })(AppModule)
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false })
  await app.init()
  const bus = app.get(EventBus)

  const publish = (at: number): undefined => {
    bus.publish(new OrderPlaced(envelopeOf(at)))
    return undefined
  }
  const publishAwaiting = (at: number): Promise<void> =>
    new Promise((resolve) => void bus.publish(new OrderPlaced(envelopeOf(at), resolve)))
  const waits = options.waits === true
  return {
    one: waits ? publishAwaiting : publish,
    batch: waits
      ? (from, count) => Promise.all(Array.from({ length: count }, (_, at) => publishAwaiting(from + at)))
      : (from, count) => {
          for (let at = from; at < from + count; at++) publish(at)
          return undefined
        },
    seen: () => tally.count,
    finished: (total) => tally.reach(total),
    close: () => app.close(),
  }
}
