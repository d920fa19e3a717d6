import { describe, expect, it } from 'vitest'

import { renderStatement } from './render-statement.ts'

const render = (text: readonly string[], ...values: unknown[]): ReturnType<typeof renderStatement> =>
  renderStatement({ text, values: values as never }, 'A statement')

describe('renderStatement', () => {
  it('numbers the places, and gives values as PostgreSQL reads them', () => {
    const bytes = Uint8Array.of(1, 2)
    expect(
      render(['insert into t values (', ', ', ', ', ', ', ', ', ')'], 'a', 5, 9_007_199_254_740_993n, true, null),
    ).toEqual({
      text: 'insert into t values ($1, $2, $3, $4, $5)',
      values: ['a', '5', '9007199254740993', 'true', null],
    })
    expect(render(['select ', ''], bytes).values).toEqual([Buffer.from(bytes)])
  })

  it.each([
    'BEGIN',
    ' commit',
    '/* a */ rollback',
    '-- a\nsavepoint x',
    'set search_path = x',
    ';abort',
    'LISTEN x',
    'prepare x as select 1',
    'copy t from stdin',
    'end',
  ])('refuses %j', (text) => {
    expect(() => render([text])).toThrow(expect.objectContaining({ code: 'TIDINGS_UNIT_REFUSED' }))
  })

  it.each([
    "select 'begin'",
    'with a as (select 1) select * from a',
    'endpoint()',
    '(select 1)',
    'update t set begin = 1',
    'do $$ begin perform 1; end $$',
    "select $tag$ $1 $tag$, '$1', \"$1\", E'\\'$1' -- $1",
  ])('lets %j through', (text) => {
    expect(render([text]).text).toBe(text)
  })

  it('refuses values inside quotes and comments, places of its own, and too few or too many values', () => {
    for (const [text, ...values] of [
      [["select '", "'"], 1],
      [['select 1 -- ', ''], 1],
      [['select $$ ', ' $$'], 1],
      [['select $1, ', ''], 1],
      [['select $1']],
      [['select 1'], 1],
      [['select ', '']],
      [['']],
      [['select 1\0']],
    ] as const)
      expect(() => render(text as readonly string[], ...values), JSON.stringify(text)).toThrow(
        expect.objectContaining({ code: 'TIDINGS_UNIT_REFUSED' }),
      )
  })

  it('refuses more values than the protocol can count, and takes as many as it can', () => {
    const many = (count: number): ReturnType<typeof renderStatement> =>
      render(
        ['select ', ...Array.from({ length: count - 1 }, () => ','), ''],
        ...Array.from({ length: count }, () => 1),
      )
    expect(many(65_535).values).toHaveLength(65_535)
    expect(() => many(65_536)).toThrow('A statement is refused: it must not have more than 65,535 values.')
  })

  it('names the place of a value that cannot be bound, and not the value', () => {
    for (const value of [{ secret: 1 }, undefined, () => 1, ['secret'], 'secret\0'])
      expect(() => render(['select ', ', ', ''], 1, value)).toThrow(
        /^A statement is refused: value 2 must (?!.*secret)/,
      )
  })
})
