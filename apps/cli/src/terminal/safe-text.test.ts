import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { safeJson, safeText } from './safe-text.ts'
import { table } from './table.ts'
import { cyan, line, red, Text } from './text.ts'

// Written apart from the code it judges: everything below a space, delete, the upper controls, line separators and direction marks.
const acts = (text: string): boolean =>
  Array.from(text).some((char) => {
    const code = char.codePointAt(0) as number
    return (
      code < 0x20 ||
      (code >= 0x7f && code <= 0x9f) ||
      [0x61c, 0x200e, 0x200f, 0x2028, 0x2029].includes(code) ||
      (code >= 0x202a && code <= 0x202e) ||
      (code >= 0x2066 && code <= 0x2069)
    )
  })

describe('text for terminals', () => {
  it('writes out what a terminal would act upon', () => {
    expect(safeText('\x1b]0;owned\x07')).toBe('\\x1b]0;owned\\x07')
    expect(safeText('a\nb\tc\r')).toBe('a\\nb\\tc\\r')
    expect(safeText('\u009b31m')).toBe('\\x9b31m')
    expect(safeText('user\u202egnp.exe')).toBe('user\\u202egnp.exe')
    expect(safeText('\ud800')).toBe('\\ud800')
    expect(safeText('plain ünïcode 漢字 👩‍🚀')).toBe('plain ünïcode 漢字 👩‍🚀')
  })

  it('holds nothing that a terminal acts upon, whatever it is made from', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), fc.nat(40), (a, b, width) => {
        expect(acts(safeText(a))).toBe(false)
        expect(acts(line`${a} ${red(b)}`.render(false))).toBe(false)
        expect(
          acts(
            line`${cyan(a)}${b}`
              .cut(width)
              .render(true)
              .replaceAll(/\x1b\[\d+m/g, ''),
          ),
        ).toBe(false)
      }),
    )
  })

  it('keeps the values of JSON while it escapes', () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: 'binary' }), (json) => {
        const safe = safeJson(json)
        expect(acts(safe)).toBe(false)
        expect(JSON.parse(safe)).toEqual(JSON.parse(json))
      }),
    )
  })

  it('cuts by what is seen, not by what is written, and never through a character', () => {
    const text = line`${red('abcdef')} ghi`
    expect(text.width).toBe(10)
    expect(text.cut(5).plain).toBe('abcd…')
    expect(text.cut(10)).toBe(text)
    expect(Text.of('👩👩👩').cut(4).plain.isWellFormed()).toBe(true)
    expect(text.cut(5).render(true)).toBe('\x1b[31mabcd\x1b[0m…')
  })

  it('lays rows out in columns', () => {
    const rows = table(
      [{ title: 'name' }, { title: 'n', right: true }, { title: 'says' }],
      [
        [line`a`, line`1`, line`x`],
        [line`long`, line`22`, line`yyyyyyyy`],
      ],
      16,
    )
    expect(rows.map(({ plain }) => plain)).toEqual(['name   n  says', 'a      1  x', 'long  22  yyyyy…'])
  })
})
