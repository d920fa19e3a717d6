import { existsSync } from 'node:fs'

import { TidingsError } from 'tidings'

/** The file of an SQLite URL; undefined where the store is no file. */
export function fileOf(url: string): string | undefined {
  if (!url.startsWith('sqlite:')) return undefined
  const [place = ''] = url.slice('sqlite:'.length).split('?')
  const path = place.replace(/^\/\//, '')
  if (path === ':memory:' || path === '') return undefined
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

/** Throws `TIDINGS_NOT_FOUND` where the URL names a file that does not exist: looking at a mistyped name must not make an empty store of it. */
export function requireFile(url: string): void {
  const file = fileOf(url)
  if (file === undefined || existsSync(file)) return
  throw new TidingsError('TIDINGS_NOT_FOUND', `There is no store at ${file}; a bus makes it when it first starts.`, {
    details: { field: 'url' },
  })
}
