import { TidingsError } from 'tidings/spi'

import { isSqliteError, storeError } from './sqlite-errors.ts'

const cantOpen = 14

/** Why a file cannot be opened. */
export function openError(error: unknown, path: string): Error {
  if (!isSqliteError(error) || (error.errcode & 0xff) !== cantOpen) return storeError(error, `Opening ${path}`)
  return new TidingsError(
    'TIDINGS_STORE_UNAVAILABLE',
    `Cannot open ${path}: see that its folder exists and may be written to.`,
    {
      cause: error,
      details: { field: 'path', sqlite: error.errcode },
    },
  )
}
