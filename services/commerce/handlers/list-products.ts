import { type EventBus, isEvent, load, sql } from 'tidings'

import { ProductCreated } from '../contract/product.ts'
import { product } from '../domain/product.ts'
import { availableOf, stock } from '../domain/stock.ts'

/** The list of products with what is available of each. Rows are put, not added to, so history may run through it again. */
export function listProducts(bus: EventBus): void {
  bus.subscribe(
    ['product.created', 'stock.*'],
    { name: 'commerce.products', from: 'beginning', replay: 'safe' },
    async (event, { write }) => {
      const sku = event.key
      const [{ state: known }, { state }] = await Promise.all([load(bus, product, sku), load(bus, stock, sku)])
      const values = sql`${sku}, ${known?.name ?? sku}, ${known?.price ?? 0}, ${availableOf(state)}, ${state.low ? 1 : 0}`
      const insert = sql`insert into commerce_products (sku, name, price, available, low) values (${values}) on conflict (sku) do update set`
      // A product and its stock are two streams, handled side by side: each keeps the columns that are its own.
      if (isEvent(event, ProductCreated)) write(sql`${insert} name = excluded.name, price = excluded.price`)
      else write(sql`${insert} available = excluded.available, low = excluded.low`)
    },
  )
}
