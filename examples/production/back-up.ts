// #region back-up
import { backup, DatabaseSync } from 'node:sqlite'

import { inspectSqlite } from '@tidings/sqlite'

const source = new DatabaseSync('./shop.db', { readOnly: true })
await backup(source, './shop-backup.db') // page by page, while others read and write
source.close()

const { events, findings } = await inspectSqlite('./shop-backup.db')
console.log(`${events} events, ${findings.length} findings`)
// #endregion back-up
