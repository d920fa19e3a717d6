import { expect, it } from 'vitest'

import { dataParts } from './data-parts.ts'

it('sends one part that says so where there is nothing', () => {
  expect(dataParts({ profiles: [], preferences: [] })).toEqual(['{"profiles":[],"preferences":[]}'])
})

it('splits many rows, keeps their order, and no part is large', () => {
  const rows = Array.from({ length: 3_000 }, (_, at) => ({ at, text: 'x'.repeat(50) }))
  const parts = dataParts({ few: [{ a: 1 }], many: rows })
  expect(parts.length).toBeGreaterThan(2)
  for (const part of parts) expect(part.length).toBeLessThan(70_000)
  const read = parts.map((part) => JSON.parse(part) as Record<string, unknown[]>)
  expect(read.flatMap(({ few = [] }) => few)).toEqual([{ a: 1 }])
  expect(read.flatMap(({ many = [] }) => many)).toEqual(rows)
})

it('sends a row larger than a part as one', () => {
  const row = { text: 'y'.repeat(100_000) }
  expect(dataParts({ large: [row, row] }).map((part) => JSON.parse(part))).toEqual([{ large: [row] }, { large: [row] }])
})
