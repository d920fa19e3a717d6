import assert from 'node:assert/strict'

import type { DocumentChange, StoredDocument } from 'tidings/spi'

import type { Topic } from '../suite/case.ts'
import { same } from '../suite/same.ts'
import { commitAll, commitOne } from './commits.ts'
import type { StoreWorld } from './store-world.ts'

export const documents: Topic<StoreWorld> = {
  name: 'documents',
  cases: [
    {
      promise: 'documents',
      title: 'are created, replaced, deleted and created again; the version counts puts and begins anew after a delete',
      run: async ({ store }) => {
        const put = async (body: string): Promise<void> =>
          void (await commitOne(store, { documents: [{ collection: 'c', id: 'a', put: body }] }))
        const found = async (): Promise<readonly StoredDocument[]> => store.find('c', { id: 'a' })
        same(await found(), [])
        await put('one')
        same(await found(), [{ id: 'a', version: 1, body: 'one' }])
        await put('two')
        await put('two')
        same(await found(), [{ id: 'a', version: 3, body: 'two' }])
        const remove: DocumentChange = { delete: true, collection: 'c', id: 'a' }
        await commitAll(store, [{ documents: [remove] }, { documents: [remove] }])
        same(await found(), [])
        await put('new')
        same(await found(), [{ id: 'a', version: 1, body: 'new' }])
      },
    },
    {
      promise: 'documents',
      title: 'change in the order that the unit says',
      run: async ({ store }) => {
        const change = (...documents: DocumentChange[]) => commitOne(store, { documents })
        const remove: DocumentChange = { delete: true, collection: 'c', id: 'a' }
        const put = (body: string): DocumentChange => ({ collection: 'c', id: 'a', put: body })
        await change(put('1'), put('2'), put('3'))
        same(await store.find('c'), [{ id: 'a', version: 3, body: '3' }])
        await change(put('4'), remove, put('5'))
        same(await store.find('c'), [{ id: 'a', version: 1, body: '5' }])
        await change(put('6'), remove)
        same(await store.find('c'), [])
      },
    },
    {
      promise: 'documents',
      title: 'give their body back as it was written',
      run: async ({ store, volumes }) => {
        const bodies = ['', '{}', ' { "b" : 1e2 } ', '"\\u0000 é 😀 \'"', 'x'.repeat(volumes.largeBytes)]
        await commitOne(store, {
          documents: bodies.map((body, at) => ({ collection: 'c', id: String(at), put: body })),
        })
        same(
          (await store.find('c')).map((one) => one.body),
          bodies,
        )
      },
    },
    {
      promise: 'documents',
      title: 'come in order of id by code point, from after an id, up to the limit',
      run: async (world) => {
        const { store, volumes } = world
        const names = ['', '!', '0', '10', '9', 'A', 'B', 'Z', 'a', 'a-', 'a0', 'aa', 'b', 'z', 'é', 'ﬁ', '😀'].slice(1)
        await commitOne(store, { documents: names.toReversed().map((id) => ({ collection: 'few', id, put: id })) })
        const found = await store.find('few')
        same(idsOf(found), names)
        for (const [at, id] of names.entries()) {
          same(idsOf(await store.find('few', { after: id, limit: 3 })), names.slice(at + 1, at + 4))
        }
        const many = Array.from({ length: volumes.documents }, (_, at) => `d-${String(at).padStart(8, '0')}`)
        await commitOne(store, { documents: many.map((id) => ({ collection: 'many', id, put: '' })) })
        const paged: string[] = []
        for (
          let page = await store.find('many', { limit: 37 });
          page.length > 0;
          page = await store.find('many', { after: paged.at(-1) ?? '', limit: 37 })
        ) {
          paged.push(...idsOf(page))
        }
        same(paged, many)
      },
    },
    {
      promise: 'documents',
      title: 'come 1,000 at a time where no limit is named',
      run: async ({ store }) => {
        const many = Array.from({ length: 1_001 }, (_, at) => `d-${String(at).padStart(4, '0')}`)
        await commitOne(store, { documents: many.map((id) => ({ collection: 'c', id, put: '', index: { all: 1 } })) })
        same(idsOf(await store.find('c')), many.slice(0, 1_000))
        assert.equal((await store.find('c', { by: { index: 'all' } })).length, 1_000)
        assert.equal((await store.find('c', { limit: 2_000 })).length, 1_001)
        same(await store.find('c', { limit: 0 }), [])
      },
    },
    {
      promise: 'documents',
      title: 'are found by the beginning of their id, in which no character is special',
      run: async ({ store }) => {
        const names = [
          '%',
          '%a',
          '*',
          '[a]',
          '_',
          '_a',
          'a',
          'a%',
          'a%b',
          'a_b',
          'ab',
          'abc',
          'b',
          'B',
          '\\',
          '😀',
          '😀a',
          '😁',
          '\u{10ffff}',
          '\u{10ffff}z',
        ]
        await commitOne(store, { documents: names.map((id) => ({ collection: 'c', id, put: '' })) })
        for (const prefix of [...names, 'ab%', 'nothing', 'A']) {
          const expected = names.filter((id) => id.startsWith(prefix)).toSorted(byCodePoint)
          same(idsOf(await store.find('c', { prefix })), expected, `prefix ${prefix}`)
        }
        assert.equal((await store.find('c', { prefix: '' })).length, names.length)
        same(idsOf(await store.find('c', { prefix: 'a', after: 'a%b', limit: 2 })), ['a_b', 'ab'])
        same(idsOf(await store.find('c', { prefix: 'a', id: 'ab' })), ['ab'])
        same(await store.find('c', { prefix: 'b', id: 'ab' }), [])
      },
    },
    {
      promise: 'documents',
      title: 'of one collection are not those of another',
      run: async ({ store }) => {
        const put = (collection: string, id: string): DocumentChange => ({
          collection,
          id,
          put: collection,
          index: { n: 1 },
        })
        await commitOne(store, { documents: [put('a', 'x'), put('b', 'x'), put('A', 'x'), put('a', 'y')] })
        await commitOne(store, { documents: [{ delete: true, collection: 'a', id: 'x' }] })
        same(idsOf(await store.find('a')), ['y'])
        same(await store.find('b', { by: { index: 'n', equal: 1 } }), [{ id: 'x', version: 1, body: 'b' }])
        same(await store.find('A'), [{ id: 'x', version: 1, body: 'A' }])
        same(await store.find('c'), [])
      },
    },
  ],
}

export function idsOf(found: readonly StoredDocument[]): string[] {
  return found.map((one) => one.id)
}

export function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
