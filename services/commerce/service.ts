import type { Service } from '@tidings/service'
import { answersAboutUsers } from '@tidings-services/auth/contract'

import { commerceEvents } from './contract/index.ts'
import { countSales } from './handlers/count-sales.ts'
import { followOrders } from './handlers/follow-orders.ts'
import { knowCustomers } from './handlers/know-customers.ts'
import { listProducts } from './handlers/list-products.ts'
import { manageInventory } from './handlers/manage-inventory.ts'
import { orderRoutes } from './http/orders.ts'
import { productRoutes } from './http/products.ts'
import { salesRoute } from './http/sales.ts'
import { migrations } from './migrations.ts'

/** Products, their stock, and orders. What is true of them follows from what has happened: their tables are only lists to look things up. */
export const commerce: Service = {
  name: 'commerce',
  events: [...commerceEvents, ...answersAboutUsers],
  migrations,
  attach(world) {
    manageInventory(world.bus)
    followOrders(world.bus)
    countSales(world.bus)
    listProducts(world.bus)
    knowCustomers(world.bus, world.store, world.now)
    return {
      routes(app) {
        productRoutes(app, world)
        orderRoutes(app, world)
        salesRoute(app, world)
      },
    }
  },
}
