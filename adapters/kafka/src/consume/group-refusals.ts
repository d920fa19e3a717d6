import { type ErrorCode, TidingsError } from 'tidings/spi'

import { BrokerError, inconsistentProtocol, nameOfError } from '../client/broker-error.ts'

/** Why a group does not let a member in, where trying again does not mend it. */
const reasons: ReadonlyMap<number, readonly [ErrorCode, string]> = new Map([
  [
    inconsistentProtocol,
    [
      'TIDINGS_CONFLICT',
      'other members share its partitions in another way; is it exclusive for some and not for others?',
    ],
  ],
  [24, ['TIDINGS_INVALID_OPTION', 'its name is not allowed']],
  [
    26,
    [
      'TIDINGS_INVALID_OPTION',
      'the broker does not allow this `sessionTimeout`; see its group.min.session.timeout.ms and group.max.session.timeout.ms',
    ],
  ],
  [30, ['TIDINGS_NOT_SUPPORTED', 'this user may not read in it; see the ACLs of the group']],
  [81, ['TIDINGS_NOT_SUPPORTED', 'it has as many members as the broker allows']],
])

/** What an error of the coordinator means to whoever joins; undefined where it passes. */
export function refusalOf(error: number, group: string): TidingsError | undefined {
  const reason = reasons.get(error)
  if (reason === undefined) return undefined
  return new TidingsError(reason[0], `Kafka does not let us into the group ${group}: ${reason[1]}.`, {
    cause: new BrokerError(error, 'a member that joins'),
    details: { group, error: nameOfError(error) },
  })
}

export function groupSplit(group: string): TidingsError {
  return new TidingsError(
    'TIDINGS_GROUP_SPLIT',
    `The group ${group} lives with another store. Instances that share a group must share a store, or give them groups of their own.`,
    { details: { group } },
  )
}
