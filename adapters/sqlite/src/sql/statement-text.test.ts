import { describe, expect, it } from 'vitest'

import { scanStatement } from './statement-text.ts'

describe('scanStatement', () => {
  it.each([
    ['commit', 'commit'],
    ['  \n\tCOMMIT ;', 'commit'],
    ['-- a comment\ncommit', 'commit'],
    ['/* one */ /* two */ Commit', 'commit'],
    [';;; commit', 'commit'],
    ['\ufeffcommit', 'commit'],
    ['-- commit\nselect 1', 'select'],
    ['/* unclosed commit', ''],
    ['', ''],
  ])('finds the first word of %j', (text, word) => {
    expect(scanStatement(text).firstWord).toBe(word)
  })

  it.each([
    ['select 1; commit', true],
    ['select 1; -- that is all', false],
    ['select 1;; /* and */ ;', false],
    ["select ';'; ", false],
    [`select ";" , [;], \`;\``, false],
    ["select 'it''s; fine'", false],
    ['create trigger a after insert on t begin update t set n = 1; delete from t; end', false],
    ['create temp trigger a after insert on t begin select 1; end;', false],
    ['create table trigger_like (a); commit', true],
  ])('says whether %j holds more than one statement', (text, more) => {
    expect(scanStatement(text).more).toBe(more)
  })

  it('counts places for values, and none inside texts, names and comments', () => {
    expect(scanStatement(`select ?, '?', "?", [?], \`?\`, ? -- ?\n /* ? */`)).toMatchObject({ places: 2, named: false })
  })

  it.each(['select ?1', 'select :a', 'select @a', 'select $a', 'select #a'])('knows named places: %s', (text) => {
    expect(scanStatement(text)).toMatchObject({ places: 0, named: true })
  })

  it('takes dollars inside names and casts for what they are', () => {
    expect(scanStatement("select a$b from t where x = json_extract(y, '$.z')").named).toBe(false)
  })
})
