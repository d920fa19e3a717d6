import { isTidingsError, TidingsError } from 'tidings/spi'

import { isServerError, storeError } from './postgres-errors.ts'
import type { PostgresSettings } from './postgres-options.ts'

/** Why a server cannot be reached, or does not let us in. Names the server, never the password. */
export function openError(error: unknown, { server }: PostgresSettings): Error {
  const where = `PostgreSQL at ${server.host ?? 'localhost'}:${server.port ?? 5432}`
  if (isTidingsError(error)) return error
  if (!isServerError(error)) {
    const { code, message } = error as { readonly code?: unknown; readonly message?: unknown }
    if (typeof message === 'string' && /^(?:SASL|SCRAM).*(?:password|string)/.test(message))
      return refused('password', `${where} asks for a password; name one.`, error)
    const why = typeof code === 'string' ? ` (${code})` : ''
    return new TidingsError('TIDINGS_STORE_UNAVAILABLE', `Cannot reach ${where}${why}.`, { cause: error })
  }
  if (error.code.startsWith('28')) return refused('user', `${where} does not accept this user and password.`, error)
  if (error.code === '3D000') return refused('database', `${where} has no such database.`, error)
  return storeError(error, `Opening ${where}`)
}

function refused(field: string, message: string, cause: unknown): TidingsError {
  return new TidingsError('TIDINGS_INVALID_OPTION', message, { cause, details: { field } })
}
