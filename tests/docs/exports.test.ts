import { describe, expect, it } from 'vitest'

import { read } from './pages.ts'

const entries = [
  'tidings',
  'tidings/testing',
  'tidings/node',
  'tidings/spi',
  '@tidings/sqlite',
  '@tidings/kafka',
  '@tidings/nats',
  '@tidings/rabbitmq',
  '@tidings/prometheus',
]

describe('the page of exports', () => {
  it.each(entries)('lists what %s exports, and nothing else', async (entry) => {
    const [, part = ''] = read('docs/reference/exports.md').split(`\n## ${entry}\n`)
    const cells = [...(part.split('\n## ')[0] as string).matchAll(/^\| ([^|]+) \| /gm)].map(
      ([, cell]) => cell as string,
    )
    const listed = cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name as string))
    const exported = Object.keys((await import(entry)) as object)
    expect(listed.toSorted()).toEqual(exported.toSorted())
  })
})
