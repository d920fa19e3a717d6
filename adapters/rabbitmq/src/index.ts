export { rabbitmq, transportFromUrl } from './rabbitmq.ts'
export type { RabbitmqOptions } from './rabbitmq-options.ts'
