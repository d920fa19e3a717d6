import assert from 'node:assert/strict'

import type { DocumentChange, StreamName } from 'tidings/spi'

import type { Topic } from '../suite/case.ts'
import { ids, record } from '../suite/event-records.ts'
import { same } from '../suite/same.ts'
import { commitAll, commitOne, readLog } from './commits.ts'
import { byCodePoint, idsOf } from './documents.ts'
import type { StoreWorld } from './store-world.ts'

/** Names that have broken programs: of prototypes, of SQL, of paths, of patterns, long ones, and look-alikes. */
const hostile = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'null',
  'undefined',
  'NaN',
  '0',
  '00',
  "'; drop table events; --",
  '"quoted"',
  '`ticked`',
  '$1',
  '?',
  ':name',
  '{a}',
  'a*',
  'a%',
  'a_',
  '../../etc/passwd',
  'C:\\con',
  'é',
  'e\u0301',
  'straße',
  'STRASSE',
  'İ',
  '😀👩‍👩‍👧',
  ' ',
  'a ',
  'A',
  'a',
  'x'.repeat(500),
  `${'x'.repeat(499)}y`,
  '😀'.repeat(250),
]

const separators = [
  '',
  ' ',
  '-',
  ':',
  '/',
  '|',
  '.',
  ',',
  ';',
  '_',
  '#',
  '\\',
  '"',
  "'",
  '::',
  '--',
  '\u00a0',
  '\u2028',
]

export const names: Topic<StoreWorld> = {
  name: 'names',
  cases: [
    {
      promise: 'apart',
      title: 'streams of different tenants and categories never meet, however they are named',
      run: async (world) => {
        const { store } = world
        const streams = separators.flatMap((s): StreamName[] => [
          { tenant: `a${s}b`, category: 'c', key: `d${s}1` },
          { tenant: 'a', category: `b${s}c`, key: `d${s}1` },
          { tenant: `a${s}b${s}c`, category: 'd', key: '1' },
          { tenant: '', category: `a${s}b`, key: `c${s}d${s}1` },
        ])
        const unique = [...new Map(streams.map((one) => [JSON.stringify(one), one])).values()]
        const units = unique.map((stream) => ({
          expect: [{ stream, version: 0 }],
          append: [record(world, { ...stream })],
        }))
        for (const placed of await commitAll(store, units)) assert.equal(placed[0]?.streamVersion, 1)
        for (const [at, stream] of unique.entries()) {
          same(ids(await store.readStream(stream)), [units[at]?.append[0]?.id], JSON.stringify(stream))
        }
        assert.equal(new Set((await readLog(store)).map((event) => event.stream)).size, unique.length)
      },
    },
    {
      promise: 'apart',
      title: 'equal keys of two tenants are two streams, and readers of one tenant see no other',
      run: async (world) => {
        const { store } = world
        const [mine, yours, nobodys] = ['acme', 'beta', ''].map((tenant) => record(world, { tenant }))
        assert.ok(mine && yours && nobodys)
        await commitAll(store, [{ append: [mine] }, { append: [yours] }, { append: [nobodys] }])
        same(ids(await store.readStream({ tenant: 'acme', category: 'order', key: 'o-1' })), [mine.id])
        same(ids(await readLog(store, { tenant: 'beta' })), [yours.id])
        same(ids(await readLog(store, { tenant: '' })), [nobodys.id])
      },
    },
    {
      promise: 'apart',
      title: 'any text is a key, a category, a tenant, a type, a source and an id',
      run: async (world) => {
        const { store } = world
        const written = hostile.map((name) =>
          record(world, { tenant: name, category: name, key: name, type: name, source: name, id: name }),
        )
        await commitAll(
          store,
          written.map((one) => ({ expect: [{ stream: one, version: 0 }], append: [one] })),
        )
        for (const one of written) {
          const found = [
            { stream: one },
            { tenant: one.tenant },
            { categories: [one.category] },
            { types: [one.type] },
            { id: one.id },
          ]
          same(ids(await store.readStream(one)), [one.id])
          for (const { stream, ...query } of found)
            if (stream === undefined) same(ids(await readLog(store, query)), [one.id], one.key.slice(0, 20))
        }
      },
    },
    {
      promise: 'apart',
      title: 'any text is a collection, an id of a document, and the name and value of an index',
      run: async ({ store }) => {
        const put = (collection: string, id: string): DocumentChange => ({
          collection,
          id,
          put: JSON.stringify([collection, id]),
          index: Object.fromEntries([[id, id]]),
        })
        await commitOne(store, { documents: hostile.map((id) => put('all', id)) })
        await commitOne(store, { documents: hostile.map((name) => put(name, name)) })
        same(idsOf(await store.find('all')), hostile.toSorted(byCodePoint))
        for (const name of hostile) {
          const body = JSON.stringify(['all', name])
          const own = JSON.stringify([name, name])
          same(await store.find('all', { id: name }), [{ id: name, version: 1, body }], name.slice(0, 20))
          same(await store.find(name), [{ id: name, version: 1, body: own }], name.slice(0, 20))
          for (const by of [{ index: name }, { index: name, equal: name }]) {
            same(idsOf(await store.find('all', { by })), [name], name.slice(0, 20))
          }
        }
        await commitOne(store, { documents: hostile.map((id) => ({ delete: true, collection: 'all', id })) })
        same(await store.find('all'), [])
      },
    },
    {
      promise: 'apart',
      title: 'documents whose collection and id read alike when joined are two',
      run: async ({ store }) => {
        const pairs = separators.flatMap((s) => [
          [`a${s}b`, 'c'],
          ['a', `b${s}c`],
        ])
        const unique = [...new Map(pairs.map((one) => [JSON.stringify(one), one as [string, string]])).values()]
        await commitOne(store, {
          documents: unique.map(([collection, id]) => ({ collection, id, put: `${collection}\n${id}` })),
        })
        for (const [collection, id] of unique) {
          same(await store.find(collection, { id }), [{ id, version: 1, body: `${collection}\n${id}` }])
        }
      },
    },
  ],
}
