import { TidingsError } from '../../kernel/errors.ts'
import type { Host } from '../../store/adapter.ts'
import type { SubscribeOptions } from '../transport.ts'
import { Liveness } from './liveness.ts'
import type { GroupDocuments } from './log-groups.ts'
import { readAllDocuments } from './membership.ts'

/**
 * Rejects with `TIDINGS_GROUP_SPLIT` where a group lives with another store than its new member's. `counts` says which of those who live matter;
 * default all.
 */
export async function refuseStrangers(
  documents: GroupDocuments,
  host: Host,
  lease: number,
  { group, store }: SubscribeOptions,
  counts: (instance: string) => boolean = () => true,
): Promise<void> {
  if (store === undefined) return
  const liveness = new Liveness(host.runtime, lease)
  liveness.look(await readAllDocuments(documents, 'instances'))
  if (!liveness.strangers(group, store).some(counts)) return
  throw new TidingsError(
    'TIDINGS_GROUP_SPLIT',
    `The group ${group} lives with another store. Instances that share a group must share a store, or give them groups of their own.`,
    { details: { group } },
  )
}
