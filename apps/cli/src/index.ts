export type { CliHost } from './cli-host.ts'
export { runCli } from './run-cli.ts'
