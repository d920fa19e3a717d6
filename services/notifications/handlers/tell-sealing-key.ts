import type { EventBus, SqlStore } from 'tidings'

import { SealingKeyRequested, SealingKeyTold } from '../contract/sealing-key.ts'
import { sealingKey } from '../sealing-keys.ts'

/** Tells the key that secrets in mails are sealed with to every flow that asks. */
export function tellSealingKey(bus: EventBus, store: SqlStore): void {
  bus.subscribe(
    SealingKeyRequested,
    { name: 'notifications.sealing-key', from: 'beginning', priority: 'high' },
    async ({ data: { flowId } }, { publish }) => publish(SealingKeyTold, { flowId, ...(await sealingKey(store)) }),
  )
}
