import { defineAggregate } from 'tidings'

import { ProductCreated } from '../contract/product.ts'

export interface Product {
  readonly name: string
  /** In cents. */
  readonly price: number
}

/** What is sold, by its number. Null: nothing of that number. */
export const product = defineAggregate('product', {
  initial: (): Product | null => null,
  on: [ProductCreated],
  evolve: (_state, { data: { name, price } }): Product | null => ({ name, price }),
})
