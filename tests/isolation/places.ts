import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import pg from 'pg'

import { serverUrl } from '../../tools/servers/index.ts'

/** Where a store can be made that is nobody else's. */
export interface Place {
  readonly url: string
  readonly end: () => Promise<void>
}

export function inMemory(): Promise<Place> {
  return Promise.resolve({ url: 'memory:', end: () => Promise.resolve() })
}

export function onFile(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-isolation-'))
  return Promise.resolve({
    url: `sqlite:${join(folder, 'tidings.db')}`,
    end: async () => rmSync(folder, { recursive: true, force: true }),
  })
}

/** A database of its own on the shared server: transactions of other tests hold back no horizon in it. */
export async function onPostgres(): Promise<Place> {
  const server = (await serverUrl('postgres')) as string
  const name = `isolation_${randomBytes(6).toString('hex')}`
  const url = new URL(server)
  url.pathname = `/${name}`
  await once(server, `create database ${name}`)
  return { url: url.href, end: async () => void (await once(server, `drop database if exists ${name} with (force)`)) }
}

/** One statement on a connection of its own. */
export async function once(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}
