import type { Migration } from '@tidings/service'
import { sql } from 'tidings'

export const migrations: readonly Migration[] = [
  {
    id: '0001-read-models',
    statements: [
      sql`create table commerce_products (
        sku text primary key,
        name text not null,
        price bigint not null,
        available bigint not null,
        low integer not null
      )`,
      sql`create table commerce_sales (
        sku text primary key,
        orders bigint not null,
        units bigint not null,
        revenue bigint not null
      )`,
    ],
  },
  {
    id: '0002-customers',
    statements: [
      sql`create table commerce_customer_orders (
        order_id text primary key,
        customer_id text not null,
        placed_at bigint not null
      )`,
      sql`create index commerce_customer_orders_by_customer on commerce_customer_orders (customer_id, placed_at)`,
      // Ids of those who are gone, which lead nowhere: an order that is heard after they went must not be listed again.
      sql`create table commerce_erased (user_id text primary key, erased_at bigint not null)`,
    ],
  },
]
