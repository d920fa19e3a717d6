export { kafka, transportFromUrl } from './kafka.ts'
export type { KafkaOptions } from './kafka-options.ts'
