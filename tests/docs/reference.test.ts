import {
  defineEvent,
  defineSaga,
  errorCodes,
  type Meter,
  memoryStore,
  PermanentError,
  statusGauges,
  step,
} from 'tidings'
import { type Host, logTransport } from 'tidings/spi'
import { createTestBus } from 'tidings/testing'
import { describe, expect, it } from 'vitest'

import { found, read } from './pages.ts'

const sources = found(['packages/*/src/**/*.ts', 'adapters/*/src/**/*.ts']).filter((file) => !file.endsWith('.test.ts'))

/** First column of all tables of a page, out of its backticks. */
function firstColumn(page: string): string[] {
  return [...read(page).matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name as string)
}

describe('the page of errors', () => {
  it('explains every code, and none that does not exist', () => {
    const explained = [...read('docs/reference/errors.md').matchAll(/^## (TIDINGS_\w+)$/gm)].map(([, code]) => code)
    expect(explained).toEqual([...errorCodes])
  })

  it('says of each what happened, what Tidings did, and what to do', () => {
    const parts = read('docs/reference/errors.md').split(/^## /m).slice(1)
    for (const part of parts) {
      for (const question of ['What happened', 'What Tidings did', 'What to do'])
        expect(part).toMatch(new RegExp(`\\*\\*${question}\\.\\*\\* \\S`))
    }
  })
})

describe('the page of metrics', () => {
  const page = firstColumn('docs/reference/metrics.md')

  it('lists every name in the sources, and none that is not there', () => {
    const names = sources.flatMap((file) =>
      [...read(file).matchAll(/'((?:tidings|messaging|http)(?:\.[a-z]+)+)'/g)].map(([, name]) => name as string),
    )
    expect(page.toSorted()).toEqual([...new Set(names)].sort())
  })

  it('lists what a bus asks its meter for, with the labels', async () => {
    const asked = new Map<string, string>()
    const note = (name: string, labels: Readonly<Record<string, string>> = {}): void =>
      void asked.set(name, Object.keys(labels).toSorted().join(', '))
    const meter: Meter = {
      counter: (name, labels) => (note(name, labels), { add() {} }),
      gauge: (name, _read, labels) => note(name, labels),
      histogram: (name, labels) => (note(name, labels), { record() {} }),
    }
    const shared = memoryStore()
    const transport = { name: 'shared', open: async (host: Host) => logTransport(shared, host) }
    await using world = await createTestBus({ meter, transport })
    const { bus } = world
    bus.subscribe('**', { name: 'all' }, () => Promise.reject(new PermanentError('Some metrics are of failures')))
    const BellRung = defineEvent('bell.rung')
    bus.use(defineSaga('bell', { startsWith: BellRung, steps: [step('listen', { run: () => {} })] }))
    await bus.publish(BellRung.create({}))
    await bus.settled()
    await statusGauges(bus, meter)()
    const rows = [...read('docs/reference/metrics.md').matchAll(/^\| `([^`]+)` \| [^|]+ \|([^|]*)\|/gm)]
    const told = rows.map(
      ([, name, labels]) => [name, (labels as string).replaceAll(/[` ]/g, '').split(',').sort().join(', ')] as const,
    )
    expect(told.filter(([name]) => !/^(http|tidings\.transport)\./.test(name ?? '')).toSorted(byName)).toEqual(
      [...asked].toSorted(byName),
    )
  })
})

describe('the page of the environment', () => {
  it('lists every variable that the sources read, and none that they do not', () => {
    const text = sources
      .filter((file) => file.startsWith('packages/tidings/src/config/'))
      .map(read)
      .join('\n')
    const asked = [...text.matchAll(/'([A-Z][A-Z0-9]*_[A-Z0-9_]+)'/g)].map(([, name]) => name as string)
    const wanted = [...new Set(asked)].filter((name) => !name.startsWith('TIDINGS_INVALID')).sort()
    expect(
      firstColumn('docs/reference/environment.md')
        .filter((name) => /^[A-Z_]+$/.test(name))
        .toSorted(),
    ).toEqual(wanted)
  })
})

describe('the page of documents', () => {
  it('lists every collection that the sources name, and none that they do not', () => {
    // The suites of the conformance kit make up collections of their own.
    const text = sources
      .filter((file) => !file.startsWith('packages/conformance/'))
      .map(read)
      .join('\n')
    const declared = [...text.matchAll(/Collection = '(\w+)'/g), ...text.matchAll(/collection: '(\w+)'/g)].map(
      ([, name]) => name as string,
    )
    const listed = firstColumn('docs/reference/documents.md')
    expect(listed.toSorted()).toEqual([...new Set(declared)].sort())
  })
})

function byName([a = '']: readonly (string | undefined)[], [b = '']: readonly (string | undefined)[]): number {
  return a < b ? -1 : 1
}
