export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Where the library says what happens to it. Must not throw and must not block; fields are plain values without payload. */
export interface Log {
  (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void
}

export const silentLog: Log = () => {}
