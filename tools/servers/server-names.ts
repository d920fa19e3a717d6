/** The servers that tests and developers ask for, in the order of tables. */
export const serverNames = ['redis', 'postgres', 'rabbitmq', 'nats', 'kafka', 'toxiproxy'] as const

export type ServerName = (typeof serverNames)[number]

export function isServerName(word: string): word is ServerName {
  return (serverNames as readonly string[]).includes(word)
}

/** Programs that tests ask for beside servers. They come from PATH, or from a package of Debian of the same name. */
export const programNames = ['kcat'] as const

export type ProgramName = (typeof programNames)[number]

/** What a test may ask for and go without. */
export type WantedName = ServerName | ProgramName

export function isWantedName(word: string): word is WantedName {
  return isServerName(word) || (programNames as readonly string[]).includes(word)
}

/** How people write them. */
export const titles: Readonly<Record<WantedName, string>> = {
  redis: 'Redis',
  postgres: 'PostgreSQL',
  rabbitmq: 'RabbitMQ',
  nats: 'NATS',
  kafka: 'Kafka',
  toxiproxy: 'Toxiproxy',
  kcat: 'kcat',
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
