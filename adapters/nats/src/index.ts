export { nats, transportFromUrl } from './nats.ts'
export type { NatsKeepOptions, NatsOptions } from './nats-options.ts'
