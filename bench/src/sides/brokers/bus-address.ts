/** Where a bus finds a broker, in a place of its own there. */
export function busAddress(server: string, url: string, place: string): string {
  const prefix = server === 'nats' ? place : `${place}.`
  const bare = server === 'kafka' ? `kafka://${url.replace(/^kafka:\/\//, '')}/` : url
  const more: Readonly<Record<string, string>> = {
    kafka: '&partitions=4&replication=1',
    nats: '&partitions=4',
    rabbitmq: '&partitions=4',
  }
  return `${bare}?prefix=${prefix}${more[server] ?? ''}`
}
