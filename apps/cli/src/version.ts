import { readFileSync } from 'node:fs'

/** Beside both the sources and what is built from them. */
export const version: string = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
).version
