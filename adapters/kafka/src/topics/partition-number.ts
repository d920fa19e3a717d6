/** Kafka numbers partitions from 0 to some thousands; more than these it cannot have. */
const most = 65_536

/**
 * One number for a partition of a topic, the same to every member and for good: 36 bits of the topic's id above the partition's own number.
 * A topic that was deleted and made again has another id, and so has other numbers: what was noted of the old one's offsets says nothing
 * about the new one. Ids are random; that two topics of a group share their bits is as likely as winning a lottery.
 */
export function partitionNumber(topicId: string, partition: number): number {
  return Number.parseInt(topicId.replaceAll('-', '').slice(-9), 16) * most + partition
}
