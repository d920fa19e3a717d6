import {
  JetStreamApiError,
  type JetStreamManager,
  StorageType,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream'
import { millis } from '@nats-io/transport-node'
import { type Host, type Log, sleep, TidingsError } from 'tidings/spi'

import { apiCode, apiCodeOf, unavailable } from '../connection/nats-errors.ts'
import type { NatsSettings } from '../nats-options.ts'
import { bucketConfig, partitionsKey, streamConfig } from './stream-config.ts'
import { streamSubjects } from './subjects.ts'

/** What the server says of the stream, which counts for more than what was asked for. */
export interface StreamFacts {
  readonly name: string
  readonly partitions: number
  readonly storage: 'file' | 'memory'
  readonly replicas: number
  /** Largest message by the stream's own settings, headers included; undefined: as large as the server takes. */
  readonly largest: number | undefined
  /** When it was made; another time means another stream. */
  readonly created: string
}

/** Finds the stream and the bucket of its groups, or makes them, and reads back what they are. Rejects with coded errors. */
export async function openStream(manager: JetStreamManager, settings: NatsSettings, host: Host): Promise<StreamFacts> {
  const info = await findOrMake(manager, host, streamConfig(settings))
  const facts = check(info, settings)
  tellDifferences(info.config, settings, host.log)
  await findOrMake(manager, host, bucketConfig({ ...settings, storage: facts.storage, replicas: facts.replicas }))
  return facts
}

async function findOrMake(
  manager: JetStreamManager,
  { runtime }: Host,
  config: Partial<StreamConfig> & { name: string; subjects: string[] },
): Promise<StreamInfo> {
  const doing = `while the stream ${config.name} is looked for`
  for (let attempt = 1; ; attempt++) {
    try {
      return await manager.streams.info(config.name)
    } catch (error) {
      if (apiCodeOf(error) !== apiCode.streamNotFound) throw unavailable(doing, error)
    }
    try {
      await manager.streams.add(config)
    } catch (error) {
      const code = apiCodeOf(error)
      // Somebody else made it meanwhile, perhaps with other settings.
      if (code === apiCode.streamNameInUse && attempt < 5) continue
      if (code === apiCode.subjectsOverlap) {
        throw new TidingsError(
          'TIDINGS_INVALID_OPTION',
          `The subjects of \`prefix\` ${config.name} belong to another stream already; choose another prefix.`,
          { cause: error, details: { field: 'prefix', subjects: config.subjects.slice(0, 8) } },
        )
      }
      // A cluster that elects a leader, or a server that removes other streams at this very moment, does not last.
      if (error instanceof JetStreamApiError && error.status >= 500 && attempt < 5) {
        await sleep(runtime, 50 * 2 ** attempt * (0.5 + runtime.random() / 2))
        continue
      }
      throw unavailable(`while the stream ${config.name} is made`, error)
    }
  }
}

function check({ config, created }: StreamInfo, settings: NatsSettings): StreamFacts {
  const { name } = config
  const partitions = Number(config.metadata?.[partitionsKey])
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > 256) {
    throw refusal(
      'prefix',
      `The stream ${name} was not made by Tidings: its metadata lack ${partitionsKey}. Choose another prefix.`,
    )
  }
  if (settings.partitions !== undefined && settings.partitions !== partitions) {
    throw refusal(
      'partitions',
      `\`partitions\` is ${settings.partitions}, but the stream ${name} was made with ${partitions}; the count of a stream is fixed. Leave the option out or say ${partitions}.`,
      { asked: settings.partitions, kept: partitions },
    )
  }
  const storage = config.storage === StorageType.Memory ? 'memory' : 'file'
  if (settings.storage !== undefined && settings.storage !== storage) {
    throw refusal(
      'storage',
      `\`storage\` is '${settings.storage}', but the stream ${name} was made with '${storage}'.`,
      {
        asked: settings.storage,
        kept: storage,
      },
    )
  }
  const subjects = new Set(config.subjects)
  if (!streamSubjects(name, partitions).every((subject) => subjects.has(subject)))
    throw refusal('prefix', `The stream ${name} does not take all subjects of its partitions; somebody has changed it.`)
  if (config.retention !== 'limits')
    throw refusal(
      'prefix',
      `The stream ${name} forgets what was heard: its retention is ${config.retention}, not limits.`,
    )
  if (config.no_ack)
    throw refusal('prefix', `The stream ${name} acknowledges nothing (no_ack): nobody could know what is stored.`)
  return {
    name,
    partitions,
    storage,
    replicas: config.num_replicas,
    largest: config.max_msg_size > 0 ? config.max_msg_size : undefined,
    created: String(created),
  }
}

/** What is only said for a new stream need not hold for this one. Who asked otherwise should know what does. */
function tellDifferences(config: StreamConfig, settings: NatsSettings, log: Log): void {
  const { keep, replicas, duplicateWindow } = settings
  const differences = Object.entries({
    replicas: [replicas, config.num_replicas],
    'keep.age': [keep.age, millis(config.max_age)],
    'keep.bytes': [keep.bytes, config.max_bytes],
    'keep.events': [keep.events, config.max_msgs],
    duplicateWindow: [Math.min(duplicateWindow, keep.age ?? duplicateWindow), millis(config.duplicate_window)],
  }).filter(([, [asked, kept]]) => asked !== undefined && asked !== kept)
  if (differences.length === 0) return
  log('warn', 'The stream is kept in another way than the options say; what the server says counts.', {
    stream: config.name,
    ...Object.fromEntries(differences.map(([name, [asked, kept]]) => [name, { asked, kept }])),
  })
}

function refusal(field: string, message: string, details: Readonly<Record<string, unknown>> = {}): TidingsError {
  return new TidingsError('TIDINGS_INVALID_OPTION', message, { details: { field, ...details } })
}
