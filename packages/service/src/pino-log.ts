import { destination, pino } from 'pino'
import type { Log, LogLevel } from 'tidings'

export interface PinoLog {
  readonly log: Log
  /** The same with fields that stand on every line, such as the service. */
  readonly with: (fields: Readonly<Record<string, unknown>>) => Log
  /** Writes out what is still in memory. */
  readonly flush: () => void
}

/** Names of fields that are never written, wherever they stand in the first two levels. */
const secrets = ['password', 'token', 'authorization', 'cookie', 'secret', 'email', 'to', 'url']
const paths = secrets.flatMap((name) => [name, `*.${name}`])

export interface PinoLogOptions {
  readonly level: LogLevel
  /** Where lines go: a file descriptor or a path. Default 2, so that standard output is free for people. */
  readonly to?: number | string
}

/** Structured lines, one JSON object each, with secrets and addresses left out. */
export function pinoLog({ level, to = 2 }: PinoLogOptions): PinoLog {
  const out = destination({ dest: to, sync: true })
  const logger = pino(
    { level, base: undefined as never, timestamp: pino.stdTimeFunctions.isoTime, redact: { paths, censor: '•••' } },
    out,
  )
  const logOf =
    (lines: typeof logger): Log =>
    (at, message, fields = {}) =>
      lines[at](fields, message)
  return { log: logOf(logger), with: (fields) => logOf(logger.child(fields)), flush: () => out.flushSync() }
}
