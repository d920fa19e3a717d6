import { HttpProblem, loopbackOnly } from '@tidings/http'
import { problemSchema, type ServiceApp, type ServiceWorld } from '@tidings/service'
import { type Decider, decide, load } from 'tidings'
import { z } from 'zod'

import { isErased } from '../customers-orders.ts'
import { cancel, type Order, OrderNotReady, order, place, ship } from '../domain/order.ts'
import { product } from '../domain/product.ts'
import { quantity, sku } from './shapes.ts'

const orderId = z.uuid('must be a UUID')
const placed = z.object({
  /** Drawn by whoever orders, so that asking twice orders once. */
  orderId,
  customerId: z.uuid('must be a UUID'),
  lines: z
    .array(z.object({ sku, quantity }), 'must be a list')
    .min(1, 'must not be empty')
    .max(50, 'must have at most 50 lines'),
})
const shown = z.object({
  orderId,
  status: z.enum(['placed', 'confirmed', 'rejected', 'cancelled', 'shipped']),
  customerId: z.uuid(),
  lines: z.array(z.object({ sku, quantity, price: z.int() })),
  total: z.int(),
  missing: z.array(z.string()),
})
const history = z.object({
  events: z.array(z.object({ version: z.int(), type: z.string(), happenedAt: z.iso.datetime() })),
})

/**
 * `/commerce/orders`: ordering, and what becomes of it. Sessions are known to auth alone, so these answer on this machine only: to a gateway that has asked
 * auth who is there.
 */
export function orderRoutes(app: ServiceApp, { bus, store }: ServiceWorld): void {
  app.post(
    '/commerce/orders',
    {
      onRequest: loopbackOnly,
      schema: {
        tags: ['commerce'],
        summary: 'Order. The answer comes before it is decided; ask for the order to see what has become of it',
        body: placed,
        response: { 202: shown, 400: problemSchema, 403: problemSchema, 409: problemSchema },
      },
    },
    async ({ body }, reply) => {
      const prices = await Promise.all(
        body.lines.map(async (line) => (await load(bus, product, line.sku)).state?.price),
      )
      const unknown = prices.flatMap((price, at) => (price === undefined ? [`lines.${at}.sku`] : []))
      if (unknown.length > 0) {
        throw new HttpProblem({
          status: 400,
          title: 'The request is not right',
          errors: unknown.map((field) => ({ field, rule: 'must be a product that is offered' })),
        })
      }
      if (await isErased(store, body.customerId)) throw gone()
      const lines = body.lines.map((line, at) => ({ ...line, price: prices[at] as number }))
      const { state } = await decide(bus, order, body.orderId, place(body.orderId, body.customerId, lines))
      if (state.customerId !== body.customerId) throw taken()
      return reply.code(202).send(view(body.orderId, state))
    },
  )

  app.get(
    '/commerce/orders/:orderId',
    {
      onRequest: loopbackOnly,
      schema: {
        tags: ['commerce'],
        summary: 'An order, as it is now',
        params: z.object({ orderId }),
        response: { 200: shown, 400: problemSchema, 403: problemSchema, 404: problemSchema },
      },
    },
    async ({ params }) => view(params.orderId, (await load(bus, order, params.orderId)).state),
  )

  app.get(
    '/commerce/orders/:orderId/history',
    {
      onRequest: loopbackOnly,
      schema: {
        tags: ['commerce'],
        summary: 'All that has happened to an order',
        params: z.object({ orderId }),
        response: { 200: history, 400: problemSchema, 403: problemSchema, 404: problemSchema },
      },
    },
    async ({ params }) => {
      const events = await bus.store.getEvents({ category: 'order', key: params.orderId })
      if (events.length === 0) throw unknownOrder()
      return { events: events.map(({ streamVersion: version, type, time }) => ({ version, type, happenedAt: time })) }
    },
  )

  const act = (name: string, summary: string, decider: (id: string) => Decider<Order>): void => {
    app.post(
      `/commerce/orders/:orderId/${name}`,
      {
        onRequest: loopbackOnly,
        schema: {
          tags: ['commerce'],
          summary,
          params: z.object({ orderId }),
          response: { 200: shown, 400: problemSchema, 403: problemSchema, 404: problemSchema, 409: problemSchema },
        },
      },
      async ({ params }) => {
        try {
          const { state } = await decide(bus, order, params.orderId, decider(params.orderId))
          return view(params.orderId, state)
        } catch (error) {
          if (!(error instanceof OrderNotReady)) throw error
          if (error.status === 'unknown') throw unknownOrder()
          throw new HttpProblem({
            status: 409,
            title: 'The order is not ready for that',
            detail: `It is ${error.status}.`,
          })
        }
      },
    )
  }
  act('cancel', 'Do not want it any more; until it is shipped', cancel)
  act('ship', 'It is on its way; once it is confirmed', ship)
}

function view(id: string, { status, customerId, lines, total, missing }: Order): z.infer<typeof shown> {
  if (status === 'unknown') throw unknownOrder()
  return { orderId: id, status, customerId, lines: [...lines], total, missing: [...missing] }
}

function unknownOrder(): HttpProblem {
  return new HttpProblem({ status: 404, title: 'There is no such order' })
}

/** Nothing is begun for somebody who is forgotten. */
function gone(): HttpProblem {
  return new HttpProblem({
    status: 409,
    title: 'The customer is gone',
    errors: [{ field: 'customerId', rule: 'must not be of somebody who was deleted' }],
  })
}

function taken(): HttpProblem {
  return new HttpProblem({
    status: 409,
    title: 'There is another order of that id',
    errors: [{ field: 'orderId', rule: 'must be free' }],
  })
}
