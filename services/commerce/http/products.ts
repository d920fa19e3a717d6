import { HttpProblem, loopbackOnly } from '@tidings/http'
import { problemSchema, type ServiceApp, type ServiceWorld } from '@tidings/service'
import { decide, decideAll, load, sql } from 'tidings'
import { z } from 'zod'

import { ProductCreated } from '../contract/product.ts'
import { StockOpened } from '../contract/stock.ts'
import { product } from '../domain/product.ts'
import { adjust, availableOf, receive, reservedOf, type Stock, stock } from '../domain/stock.ts'
import { quantity, sku } from './shapes.ts'

const created = z.object({
  sku,
  name: z.string('must be text').min(1, 'must not be empty').max(200, 'must have at most 200 characters'),
  price: z.int('must be a whole number of cents').min(0, 'must be 0 or more').max(1_000_000_000, 'must be less'),
  lowStockAt: z.int('must be a whole number').min(0, 'must be 0 or more').max(1_000_000, 'must be less').default(0),
})
const delivery = z.object({ deliveryId: z.uuid('must be a UUID'), quantity })
const count = z.object({
  onHand: z.int('must be a whole number').min(0, 'must be 0 or more').max(1_000_000_000, 'must be less'),
  reason: z.string('must be text').min(1, 'must not be empty').max(200, 'must have at most 200 characters'),
  version: z.int('must be a whole number').min(0, 'must be 0 or more'),
})
const level = z.object({
  sku,
  name: z.string(),
  price: z.int(),
  onHand: z.int(),
  reserved: z.int(),
  available: z.int(),
  low: z.boolean(),
  /** Of its stock; whoever has counted says which one they have looked at. */
  version: z.int(),
})
const listed = z.object({
  products: z.array(z.object({ sku, name: z.string(), price: z.int(), available: z.int(), low: z.boolean() })),
})

/** `/commerce/products`: what is sold, and what there is of it. Everybody may look; what changes it answers on this machine only. */
export function productRoutes(app: ServiceApp, { bus, store }: ServiceWorld): void {
  const levelOf = async (id: string) => {
    const [{ state: known }, { state, version }] = await Promise.all([load(bus, product, id), load(bus, stock, id)])
    if (known === null) throw unknown()
    return { sku: id, ...known, ...figures(state), version }
  }

  app.post(
    '/commerce/products',
    {
      onRequest: loopbackOnly,
      schema: {
        tags: ['commerce'],
        summary: 'Offer a product',
        body: created,
        response: { 201: level, 400: problemSchema, 403: problemSchema, 409: problemSchema },
      },
    },
    async ({ body }, reply) => {
      const { name, price, lowStockAt } = body
      await decideAll(
        bus,
        [
          [product, body.sku],
          [stock, body.sku],
        ],
        ([known]) => {
          if (known !== null) throw taken()
          return [
            ProductCreated.create({ sku: body.sku, name, price }),
            StockOpened.create({ sku: body.sku, lowAt: lowStockAt }),
          ]
        },
      )
      return reply.code(201).send(await levelOf(body.sku))
    },
  )

  app.get(
    '/commerce/products',
    {
      schema: {
        tags: ['commerce'],
        summary: 'All products; `low=true`: those of which little is left',
        querystring: z.object({ low: z.enum(['true', 'false']).default('false') }),
        response: { 200: listed, 400: problemSchema },
      },
    },
    async ({ query: { low } }) => {
      const rows = await store.query(sql`
        select sku, name, price, available, low from commerce_products where low >= ${low === 'true' ? 1 : 0} order by sku`)
      return {
        products: rows.map((row) => ({
          sku: row.sku as string,
          name: row.name as string,
          price: Number(row.price),
          available: Number(row.available),
          low: Number(row.low) === 1,
        })),
      }
    },
  )

  app.get(
    '/commerce/products/:sku',
    {
      schema: {
        tags: ['commerce'],
        summary: 'A product and its stock, as it is now',
        params: z.object({ sku }),
        response: { 200: level, 400: problemSchema, 404: problemSchema },
      },
    },
    async ({ params }) => levelOf(params.sku),
  )

  app.post(
    '/commerce/products/:sku/deliveries',
    {
      onRequest: loopbackOnly,
      schema: {
        tags: ['commerce'],
        summary: 'Goods have come in; told twice, those of one delivery and product count once',
        params: z.object({ sku }),
        body: delivery,
        response: { 200: level, 400: problemSchema, 403: problemSchema, 404: problemSchema },
      },
    },
    async ({ params, body }) => {
      await levelOf(params.sku)
      // The name of a command holds for all that this service publishes, and one delivery may bring several products.
      await decide(bus, stock, params.sku, receive(params.sku, body.quantity), {
        commandId: `delivery/${body.deliveryId}/${params.sku}`,
      })
      return levelOf(params.sku)
    },
  )

  app.post(
    '/commerce/products/:sku/counts',
    {
      onRequest: loopbackOnly,
      schema: {
        tags: ['commerce'],
        summary: 'Somebody has counted what is on hand, looking at a version of its stock',
        params: z.object({ sku }),
        body: count,
        response: { 200: level, 400: problemSchema, 403: problemSchema, 404: problemSchema, 409: problemSchema },
      },
    },
    async ({ params, body: { onHand, reason, version } }) => {
      await levelOf(params.sku)
      await decide(bus, stock, params.sku, adjust(params.sku, onHand, reason), { expectedVersion: version })
      return levelOf(params.sku)
    },
  )
}

function figures(state: Stock) {
  const { onHand, low } = state
  return { onHand, reserved: reservedOf(state), available: availableOf(state), low }
}

function unknown(): HttpProblem {
  return new HttpProblem({ status: 404, title: 'There is no such product' })
}

function taken(): HttpProblem {
  return new HttpProblem({
    status: 409,
    title: 'There is such a product already',
    errors: [{ field: 'sku', rule: 'must be free' }],
  })
}
