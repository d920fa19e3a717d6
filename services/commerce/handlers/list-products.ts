import { type EventBus, isEvent, load, sql } from 'tidings'

import { ProductCreated } from '../contract/product.ts'
import { availableOf, stock } from '../domain/stock.ts'

/** The list of products with what is available of each. It is put, not added to, so history may run through it again. */
export function listProducts(bus: EventBus): void {
  bus.subscribe(
    ['product.created', 'stock.*'],
    { name: 'commerce.products', from: 'beginning', replay: 'safe' },
    async (event, { write }) => {
      if (isEvent(event, ProductCreated)) {
        const { sku, name, price } = event.data
        write(sql`
          insert into commerce_products (sku, name, price, available, low) values (${sku}, ${name}, ${price}, ${0}, ${0})
          on conflict (sku) do update set name = excluded.name, price = excluded.price`)
        return
      }
      const { state } = await load(bus, stock, event.key)
      write(sql`
        update commerce_products set available = ${availableOf(state)}, low = ${state.low ? 1 : 0} where sku = ${event.key}`)
    },
  )
}
