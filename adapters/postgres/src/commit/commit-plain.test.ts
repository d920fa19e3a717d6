import { describe, expect, it } from 'vitest'

import type { TextRow } from '../connect/link.ts'
import { relationsOf } from '../relations.ts'
import { commitPlain } from './commit-plain.ts'
import { StreamIdentities } from './identities.ts'

const relations = relationsOf('event_store', 'events')

/** A server whose documents change under the call: before its n-th look somebody creates document n. */
function restlessServer(documents: number): { rows: () => Promise<readonly TextRow[]> } {
  let looks = 0
  return {
    rows: async () => {
      looks++
      const versions = Array.from({ length: documents }, (_, at) => (at < looks ? 1 : 0))
      return [['f', null, null, `{${versions.join(',')}}`, null]]
    },
  }
}

describe('commitPlain', () => {
  it('keeps others out when they got ahead of it four times', async () => {
    const said: string[] = []
    let calls = 0
    let given: boolean | undefined
    const results = await commitPlain(
      {
        relations,
        types: { stream: 1, document: 2, entry: 3, absent: 4, event: 5 },
        identities: new StreamIdentities(8),
        writer: restlessServer(6) as never,
        pool: { take: async () => ({}), give: (_: unknown, broken: boolean) => void (given = broken) } as never,
        answer: async (_, text) => {
          said.push(text.replace(/^select ok.*/, 'call').replace(/\(-?\d+\)/, '(key)'))
          if (!text.startsWith('select ok')) return []
          return ++calls === 1 ? [['f', null, null, '{1,1,1,1,1,0}', null]] : [['t', null, null, '{1,1,1,1,1,0}', null]]
        },
        runStatements: () => {
          throw new Error('nothing here is SQL of users')
        },
      },
      Array.from({ length: 6 }, (_, at) => ({
        expect: [{ collection: 'c', id: String(at), version: 0 }],
        documents: [{ collection: 'c', id: String(at), put: '' }],
      })),
    )
    expect(results.map(({ status }) => status)).toEqual([
      'conflict',
      'conflict',
      'conflict',
      'conflict',
      'conflict',
      'committed',
    ])
    expect(said).toEqual(['begin', 'select pg_advisory_xact_lock(key)', 'call', 'call', 'commit'])
    expect(given).toBe(false)
  })
})
