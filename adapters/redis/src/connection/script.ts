import { createHash } from 'node:crypto'

/** A Lua script, known to the server by its SHA-1. */
export interface Script {
  readonly text: string
  readonly sha: string
}

export function script(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}
