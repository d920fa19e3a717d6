import { isTidingsError, TidingsError } from 'tidings/spi'

/** An error code of Kafka's protocol, as adapters speak of it. */
export type ProtocolError = number

export const noError: ProtocolError = 0
export const offsetOutOfRange: ProtocolError = 1
export const unknownTopic: ProtocolError = 3
export const messageTooLarge: ProtocolError = 10
export const recordListTooLarge: ProtocolError = 18
export const illegalGeneration: ProtocolError = 22
export const inconsistentProtocol: ProtocolError = 23
export const unknownMember: ProtocolError = 25
export const rebalanceInProgress: ProtocolError = 27
export const invalidTimestamp: ProtocolError = 32
export const topicExists: ProtocolError = 36
export const outOfOrderSequence: ProtocolError = 45
export const duplicateSequence: ProtocolError = 46
export const invalidProducerEpoch: ProtocolError = 47
export const invalidProducerMapping: ProtocolError = 49
export const unknownProducer: ProtocolError = 59
export const memberIdRequired: ProtocolError = 79
export const fencedInstance: ProtocolError = 82
export const invalidRecord: ProtocolError = 87

/** Errors after which who leads a partition, or coordinates a group, must be asked anew. */
const moved = new Set<ProtocolError>([3, 5, 6, 14, 15, 16, 56, 72, 74, 75, 100, 103])

export function hasMoved(error: ProtocolError): boolean {
  return moved.has(error)
}

const named = new Map<ProtocolError, string>([
  [1, 'OFFSET_OUT_OF_RANGE'],
  [3, 'UNKNOWN_TOPIC_OR_PARTITION'],
  [5, 'LEADER_NOT_AVAILABLE'],
  [6, 'NOT_LEADER_OR_FOLLOWER'],
  [7, 'REQUEST_TIMED_OUT'],
  [10, 'MESSAGE_TOO_LARGE'],
  [14, 'COORDINATOR_LOAD_IN_PROGRESS'],
  [15, 'COORDINATOR_NOT_AVAILABLE'],
  [16, 'NOT_COORDINATOR'],
  [17, 'INVALID_TOPIC_EXCEPTION'],
  [19, 'NOT_ENOUGH_REPLICAS'],
  [20, 'NOT_ENOUGH_REPLICAS_AFTER_APPEND'],
  [22, 'ILLEGAL_GENERATION'],
  [23, 'INCONSISTENT_GROUP_PROTOCOL'],
  [24, 'INVALID_GROUP_ID'],
  [25, 'UNKNOWN_MEMBER_ID'],
  [26, 'INVALID_SESSION_TIMEOUT'],
  [27, 'REBALANCE_IN_PROGRESS'],
  [29, 'TOPIC_AUTHORIZATION_FAILED'],
  [30, 'GROUP_AUTHORIZATION_FAILED'],
  [31, 'CLUSTER_AUTHORIZATION_FAILED'],
  [37, 'INVALID_PARTITIONS'],
  [38, 'INVALID_REPLICATION_FACTOR'],
  [44, 'POLICY_VIOLATION'],
  [81, 'GROUP_MAX_SIZE_REACHED'],
])

export function nameOfError(error: ProtocolError): string {
  return named.get(error) ?? `error ${error}`
}

/** What a broker has answered: for the log and as a cause. */
export class BrokerError extends Error {
  override readonly name = 'BrokerError'
  readonly error: ProtocolError

  constructor(error: ProtocolError, asked: string) {
    super(`Kafka answers ${nameOfError(error)} to ${asked}.`)
    this.error = error
  }
}

export function unavailable(doing: string, cause: unknown): TidingsError {
  if (isTidingsError(cause)) return cause
  return new TidingsError('TIDINGS_BROKER_UNAVAILABLE', `Kafka cannot be reached ${doing}.`, { cause })
}

export function closed(): TidingsError {
  return new TidingsError('TIDINGS_CLOSED', 'The Kafka transport is closed.')
}
