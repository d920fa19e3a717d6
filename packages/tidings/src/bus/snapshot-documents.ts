/** Snapshots of streams, by stream and by what takes them; see the room `aggregates`. */
export const snapshotsCollection = 'snapshots'
