import assert from 'node:assert/strict'

import { type DocumentChange, isTidingsError } from 'tidings/spi'

import type { Topic } from '../suite/case.ts'
import { same } from '../suite/same.ts'
import { commitOne, commitStatus } from './commits.ts'
import { idsOf } from './documents.ts'
import type { StoreWorld } from './store-world.ts'

type Index = Readonly<Record<string, string | number>>

const put = (id: string, index?: Index): DocumentChange => ({ collection: 'c', id, put: id, ...(index && { index }) })

/** Numbers before text, each in their own order; equal values by id. */
const ascending: readonly (readonly [id: string, value: string | number])[] = [
  ['n1', -1e300],
  ['n2', -2],
  ['n3', -0.5],
  ['n4', 0],
  ['n5', 1.5],
  ['n6', 9],
  ['n7', 10],
  ['n8', 1_767_225_600_000],
  ['n9', Number.MAX_SAFE_INTEGER],
  ['t0', ''],
  ['t1', '-5'],
  ['t2', '10'],
  ['t3', '9'],
  ['t4', 'A'],
  ['t5', 'a'],
  ['t6', 'é'],
  ['t7', 'ﬁ'],
  ['t8', '😀'],
]

export const documentIndexes: Topic<StoreWorld> = {
  name: 'document indexes',
  cases: [
    {
      promise: 'index',
      title:
        'order numbers before text, each in their order, equal ones by id; documents without the index are left out',
      run: async ({ store }) => {
        const documents = ascending.flatMap(([id, value]) => [
          put(`${id}-b`, { by: value }),
          put(`${id}-a`, { by: value }),
        ])
        await commitOne(store, { documents: [...documents.toReversed(), put('none'), put('other', { other: 1 })] })
        const expected = ascending.flatMap(([id]) => [`${id}-a`, `${id}-b`])
        same(idsOf(await store.find('c', { by: { index: 'by' } })), expected)
        same(idsOf(await store.find('c', { by: { index: 'by' }, limit: 5 })), expected.slice(0, 5))
        same(await store.find('c', { by: { index: 'missing' } }), [])
      },
    },
    {
      promise: 'index',
      title: 'find what equals a value: 10 is not "10", and no text is a pattern',
      run: async ({ store }) => {
        await commitOne(store, {
          documents: [
            ...ascending.map(([id, value]) => put(id, { by: value })),
            put('same', { by: 10 }),
            put('odd', { by: '%' }),
          ],
        })
        for (const [id, value] of ascending) {
          const expected = value === 10 ? [id, 'same'] : [id]
          same(
            idsOf(await store.find('c', { by: { index: 'by', equal: value } })),
            expected,
            `equal to ${JSON.stringify(value)}`,
          )
        }
        same(idsOf(await store.find('c', { by: { index: 'by', equal: '%' } })), ['odd'])
        same(await store.find('c', { by: { index: 'by', equal: 'nobody' } }), [])
      },
    },
    {
      promise: 'index',
      title: 'find numbers up to a value, inclusive, and never text',
      run: async ({ store }) => {
        await commitOne(store, { documents: ascending.map(([id, value]) => put(id, { by: value })) })
        const upTo = async (value: number): Promise<string[]> =>
          idsOf(await store.find('c', { by: { index: 'by', upTo: value } }))
        same(await upTo(-3), ['n1'])
        same(await upTo(0), ['n1', 'n2', 'n3', 'n4'])
        same(await upTo(9), ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'])
        same(
          await upTo(Number.MAX_SAFE_INTEGER),
          ascending.slice(0, 9).map(([id]) => id),
        )
        same(idsOf(await store.find('c', { by: { index: 'by', upTo: 9 }, limit: 2 })), ['n1', 'n2'])
      },
    },
    {
      promise: 'index',
      title: 'are replaced as a whole with each put, and leave with the document',
      run: async ({ store }) => {
        const by = async (index: string): Promise<string[]> => idsOf(await store.find('c', { by: { index } }))
        await commitOne(store, { documents: [put('a', { x: 1, y: 1 })] })
        await commitOne(store, { documents: [put('a', { x: 2 })] })
        same([await by('x'), await by('y')], [['a'], []])
        same(await store.find('c', { by: { index: 'x', equal: 1 } }), [])
        await commitOne(store, { documents: [put('a')] })
        same(await by('x'), [])
        await commitOne(store, { documents: [put('a', { x: 3 })] })
        await commitOne(store, { documents: [{ delete: true, collection: 'c', id: 'a' }] })
        same(await by('x'), [])
      },
    },
    {
      promise: 'index',
      title: 'belong to the document, not to whoever holds the object: changing it later changes nothing',
      run: async ({ store }) => {
        const index: Record<string, string | number> = { x: 1 }
        await commitOne(store, { documents: [put('a', index)] })
        index['x'] = 2
        same(idsOf(await store.find('c', { by: { index: 'x', equal: 1 } })), ['a'])
      },
    },
    {
      promise: 'index',
      title: 'are looked at together with id and prefix',
      run: async ({ store }) => {
        await commitOne(store, {
          documents: [put('a1', { x: 2 }), put('a2', { x: 1 }), put('b1', { x: 1 }), put('a3')],
        })
        same(idsOf(await store.find('c', { prefix: 'a', by: { index: 'x' } })), ['a2', 'a1'])
        same(idsOf(await store.find('c', { prefix: 'a', by: { index: 'x', equal: 1 } })), ['a2'])
        same(idsOf(await store.find('c', { id: 'a1', by: { index: 'x', equal: 2 } })), ['a1'])
        same(await store.find('c', { id: 'a1', by: { index: 'x', equal: 1 } }), [])
        same(await store.find('c', { id: 'a3', by: { index: 'x' } }), [])
      },
    },
    {
      promise: 'index',
      title: 'hold text and finite numbers: a unit with anything else is refused, and changes nothing',
      run: async ({ store }) => {
        await commitOne(store, { documents: [put('a', { by: 1 })] })
        for (const value of [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN]) {
          const result = await commitStatus(store, {
            documents: [put('b', { by: 3 }), put('a', { by: 4, other: value })],
          })
          assert.equal(result.status, 'refused', String(value))
          const { error } = result as typeof result & { status: 'refused' }
          assert.ok(isTidingsError(error, 'TIDINGS_INVALID_OPTION'), `refused with: ${String(error)}`)
          same(error.details['field'], 'index.other')
          same(await store.find('c', { by: { index: 'by' } }), [{ id: 'a', version: 1, body: 'a' }])
        }
      },
    },
  ],
}
