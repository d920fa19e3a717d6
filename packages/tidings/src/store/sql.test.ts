import { expect, it } from 'vitest'

import { renderSql, sql } from './sql.ts'

const render = (statement: Parameters<typeof renderSql>[0]): string => renderSql(statement, (at) => `$${at}`)

const insert = (table: ReturnType<typeof sql.identifier>, id: string, n: number) =>
  sql`insert into ${table} (id, n) values (${id}, ${n}) on conflict (id) do update set n = ${table}.n + ${n}`

it('makes the same text of the same template and names, so that what stores have prepared by it is found', () => {
  const table = sql.identifier('orders__g1')
  const [one, two] = [insert(table, 'a', 1), insert(table, 'b', 2)]
  expect(render(one)).toBe(
    'insert into "orders__g1" (id, n) values ($1, $2) on conflict (id) do update set n = "orders__g1".n + $3',
  )
  expect(two.text).toBe(one.text)
  expect([one.values, two.values]).toEqual([
    ['a', 1, 1],
    ['b', 2, 2],
  ])
})

it('makes another text of other names, back and forth', () => {
  const [first, second] = [sql.identifier('one'), sql.identifier('two')]
  for (const table of [first, second, first, second, sql.identifier('one')])
    expect(render(insert(table, 'a', 1))).toContain(`insert into ${table.text[0]} (id`)
  // Two that take turns keep their texts.
  const texts = [first, second].map((table) => insert(table, 'a', 1).text)
  expect([first, second].map((table) => insert(table, 'b', 2).text === texts[table === first ? 0 : 1])).toEqual([
    true,
    true,
  ])
  // Many make room for each other.
  for (let at = 0; at < 20; at++) insert(sql.identifier(`t${at}`), 'a', 1)
  expect(render(insert(first, 'a', 1))).toContain('insert into "one" (id')
})

it('tells values from names in the same place', () => {
  const table = sql.identifier('t')
  const where = (what: Parameters<typeof sql>[1]) => sql`select ${what} from ${table}`
  expect(render(where(5))).toBe('select $1 from "t"')
  expect(render(where(sql.identifier('a')))).toBe('select "a" from "t"')
  expect(where(6).values).toEqual([6])
})

it('joins pieces with values in their order, and does not take them for names', () => {
  const piece = (n: number) => sql`n = ${n}`
  const where = (n: number) => sql`select * from ${sql.identifier('t')} where ${piece(n)} and id = ${'x'}`
  expect([where(1), where(2)].map((one) => [render(one), one.values])).toEqual([
    ['select * from "t" where n = $1 and id = $2', [1, 'x']],
    ['select * from "t" where n = $1 and id = $2', [2, 'x']],
  ])
  // Something that only looks like a name is text like any other.
  const forged = { text: ['evil'], values: [] }
  expect(render(sql`select ${forged}`)).toBe('select evil')
  expect(render(sql`drop table ${sql.identifier('a"b')}`)).toBe('drop table "a""b"')
})
