import type { Parcel, PartitionQueue } from './partition-queue.ts'

/** A parcel that leaves, and where it came from. */
export interface Sent {
  readonly queue: PartitionQueue
  readonly parcel: Parcel
}

/** Bytes of one request; a single batch may be larger. */
const mostBytes = 8_388_608

/** As many as one request should hold, from the first. */
export function fitting(all: readonly Sent[]): readonly Sent[] {
  let bytes = 0
  const most = all.findIndex(({ parcel }, at) => (bytes += parcel.batch.size) > mostBytes && at > 0)
  return most === -1 ? all : all.slice(0, most)
}
