export { type FilePayloads, filePayloads } from './file-payloads.ts'
export { runService } from './run-service.ts'
