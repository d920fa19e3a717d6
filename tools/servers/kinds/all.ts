import type { ServerName } from '../server-names.ts'
import { kafka } from './kafka.ts'
import type { ServerKind } from './kind.ts'
import { nats } from './nats.ts'
import { postgres } from './postgres.ts'
import { rabbitmq } from './rabbitmq.ts'
import { redis } from './redis.ts'
import { toxiproxy } from './toxiproxy.ts'

export const kinds: Readonly<Record<ServerName, ServerKind>> = { redis, postgres, rabbitmq, nats, kafka, toxiproxy }
