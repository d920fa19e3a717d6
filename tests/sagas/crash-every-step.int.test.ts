import { crashEverywhere } from 'tidings/testing'
import { describe, expect, it } from 'vitest'

import { serverUrl, without } from '../../tools/servers/index.ts'
import { crashStories, Receiver } from './crash-stories.ts'
import { onPostgres, onRedis, onSqlite } from './stores.ts'

const postgresUrl = await serverUrl('postgres')
const redisUrl = await serverUrl('redis')

describe.each([
  ['SQLite', [], () => onSqlite],
  ['PostgreSQL', ['postgres'], () => onPostgres(postgresUrl as string)],
  ['Redis', ['redis'], () => onRedis(redisUrl as string)],
] as const)('on %s', (_name, needs, make) => {
  describe('a saga, wherever a process dies or an answer is lost', without(...needs), () => {
    it.each(Object.entries(crashStories))('%s', { timeout: 240_000 }, async (_story, story) => {
      const { struck } = await crashEverywhere({
        ...story,
        store: make(),
        // Reads that fail, or that nobody lives to see answered, are no matter of the store.
        kinds: ['crash before', 'crash after', 'lose answer'],
        story: () => new Receiver(),
      })
      for (const [kind, count] of Object.entries(struck)) expect(count, kind).toBeGreaterThan(4)
    })
  })
})
