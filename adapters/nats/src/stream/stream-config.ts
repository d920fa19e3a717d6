import { DiscardPolicy, RetentionPolicy, StorageType, type StreamConfig } from '@nats-io/jetstream'
import { nanos } from '@nats-io/transport-node'

import type { NatsSettings } from '../nats-options.ts'
import { streamSubjects } from './subjects.ts'

/** Metadata in which a stream says its partition count. */
export const partitionsKey = 'tidings-partitions'

export const defaultPartitions = 8

/** A new stream as the settings ask for it. */
export function streamConfig(settings: NatsSettings): Partial<StreamConfig> & { name: string; subjects: string[] } {
  const { prefix, partitions = defaultPartitions, storage = 'file', replicas = 1, keep, duplicateWindow } = settings
  return {
    name: prefix,
    subjects: streamSubjects(prefix, partitions),
    description: 'Events of Tidings',
    retention: RetentionPolicy.Limits,
    storage: storage === 'file' ? StorageType.File : StorageType.Memory,
    num_replicas: replicas,
    discard: DiscardPolicy.Old,
    max_age: nanos(keep.age ?? 0),
    max_bytes: keep.bytes ?? -1,
    max_msgs: keep.events ?? -1,
    duplicate_window: nanos(Math.min(duplicateWindow, keep.age ?? duplicateWindow)),
    metadata: { [partitionsKey]: String(partitions) },
  }
}

/** The bucket in which groups say who their members are: an ordinary key-value bucket, for the tools that know such. */
export function bucketConfig(settings: NatsSettings): Partial<StreamConfig> & { name: string; subjects: string[] } {
  const { storage = 'file', replicas = 1 } = settings
  const bucket = bucketOf(settings.prefix)
  return {
    name: `KV_${bucket}`,
    subjects: [`$KV.${bucket}.>`],
    description: 'Who shares the partitions of the Tidings stream',
    retention: RetentionPolicy.Limits,
    storage: storage === 'file' ? StorageType.File : StorageType.Memory,
    num_replicas: replicas,
    discard: DiscardPolicy.New,
    max_msgs_per_subject: 1,
    allow_rollup_hdrs: true,
    deny_delete: true,
    // Answers of followers may be old, and who reads old news takes the living for dead.
    allow_direct: false,
    duplicate_window: nanos(100),
  }
}

export function bucketOf(prefix: string): string {
  return `${prefix}_groups`
}
