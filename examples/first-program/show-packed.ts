// #region show-packed
import { DatabaseSync } from 'node:sqlite'

const shop = new DatabaseSync('shop.db', { readOnly: true })
console.table(shop.prepare('select order_id, sku, quantity from packed').all())
// #endregion show-packed
