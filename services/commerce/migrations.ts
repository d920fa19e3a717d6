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
]
