/** The servers that tests and developers ask for, in the order of tables. */
export const serverNames = ['redis', 'postgres', 'rabbitmq', 'nats', 'kafka', 'toxiproxy'] as const

export type ServerName = (typeof serverNames)[number]

export function isServerName(word: string): word is ServerName {
  return (serverNames as readonly string[]).includes(word)
}

/** How people write them. */
export const titles: Readonly<Record<ServerName, string>> = {
  redis: 'Redis',
  postgres: 'PostgreSQL',
  rabbitmq: 'RabbitMQ',
  nats: 'NATS',
  kafka: 'Kafka',
  toxiproxy: 'Toxiproxy',
}

/** Whoever has a server of their own names it here, and nothing is started. */
export const variables: Readonly<Record<ServerName, string>> = {
  redis: 'REDIS_URL',
  postgres: 'POSTGRES_URL',
  rabbitmq: 'RABBITMQ_URL',
  nats: 'NATS_URL',
  kafka: 'KAFKA_BOOTSTRAP_SERVERS',
  toxiproxy: 'TOXIPROXY_URL',
}

export function urlOfEnvironment(name: ServerName): string | undefined {
  return process.env[variables[name]] || undefined
}
