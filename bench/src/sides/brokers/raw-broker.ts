/** A broker used through its client by hand, as somebody would who wants it fast: what is ready leaves together, and is as durable as with Tidings. */
export interface RawBroker {
  /** Resolves when the broker has acknowledged the event. */
  publish(key: string, value: string): Promise<void>
  /** Hears everything from the first event on, in batches as they come; a batch counts as done once the promise resolves. */
  listen(handle: (values: readonly string[]) => Promise<void>): Promise<void>
  /** Stops, and removes what was made. */
  close(): Promise<void>
}

/** @param place A name that nobody uses. */
export type OpenRawBroker = (url: string, place: string) => Promise<RawBroker>

/** Loaded when asked for: what one needs must not weigh on another. */
const brokers: Readonly<Record<string, () => Promise<{ readonly open: OpenRawBroker }>>> = {
  kafka: () => import('./raw-kafka.ts'),
  nats: () => import('./raw-nats.ts'),
  rabbitmq: () => import('./raw-rabbitmq.ts'),
  redis: () => import('./raw-redis-stream.ts'),
}

export async function openRawBroker(server: string, url: string, place: string): Promise<RawBroker> {
  const load = brokers[server]
  if (load === undefined) throw new Error(`No broker is called ${server}.`)
  return (await load()).open(url, place)
}
