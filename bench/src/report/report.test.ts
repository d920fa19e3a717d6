import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

import type { Target } from '../plan/scenario.ts'
import { brokenBounds } from '../plan/smoke-bounds.ts'
import { benchmarksPage } from './markdown.ts'
import { type Results, type ScenarioResult, type SideResult, withEarlier } from './results.ts'
import { printed, tableOf } from './rows.ts'
import { topOf } from './top-functions.ts'
import { verdictsOf } from './verdicts.ts'

/** A side that handles a thousand events in each of these times. */
function side(name: string, milliseconds: readonly number[], more: Partial<SideResult> = {}): SideResult {
  const rounds = milliseconds.map((ms) => ({ events: 1_000, ms, cpuMs: ms / 2, p50: ms / 1_000, p99: ms / 100 }))
  return { name, label: `the ${name}`, notes: [`${name} is simple`], rounds, ...more }
}

function scenario(sides: readonly SideResult[], targets: readonly Target[] = []): ScenarioResult {
  return {
    id: 'memory/test/one',
    group: 'memory',
    title: 'A test',
    how: 'Quickly.',
    load: 'one',
    reference: 'raw',
    targets,
    sides,
  }
}

const both = [side('tidings', [10, 20, 30]), side('raw', [5, 10, 10])]

describe('tables', () => {
  it('print medians, extremes and the ratios of paired rounds beside each other', () => {
    const { head, rows } = tableOf(scenario(both))
    expect(head).toEqual([
      '',
      'events/s',
      'least–most',
      'CPU µs an event',
      '× the raw',
      'least–most ×',
      'p50 ms',
      'p99 ms',
    ])
    expect(rows[0]).toEqual(['the tidings', '50,000', '33,333–100,000', '10.0', '0.50', '0.33–0.50', '0.020', '0.200'])
    expect(rows[1]?.slice(4, 6)).toEqual(['', ''])
  })

  it('say who did not run, and why', () => {
    const text = printed(scenario([...both, side('peer', [], { missing: 'it is not here' })]))
    expect(text).toMatch(/the peer +did not run/)
    expect(text).toContain('not run: the peer: it is not here')
  })
})

describe('verdicts', () => {
  it.each<[Target, boolean]>([
    [{ side: 'tidings', rate: 50_000 }, true],
    [{ side: 'tidings', rate: 50_001 }, false],
    [{ side: 'tidings', to: 'raw', ratio: 0.5 }, true],
    [{ side: 'tidings', to: 'raw', ratio: 0.51 }, false],
    [{ side: 'tidings', to: 'raw', latency: 0.1 }, true],
    [{ side: 'tidings', to: 'raw', latency: 0.05 }, false],
    [{ side: 'tidings', to: 'raw', latency: 0.05, of: 'p50' }, true],
    [{ side: 'tidings', latency: 100 }, true],
    [{ side: 'tidings', latency: 0.001, of: 'p50' }, false],
  ])('judge %j: %s', (target, met) => {
    expect(verdictsOf(scenario(both, [target]))[0]?.met).toBe(met)
  })

  it('judge footprints by what they are above another side', () => {
    const sized = (name: string, value: number): SideResult =>
      side(name, [], { rounds: [{ events: 1, ms: 1, cpuMs: 1, value }] })
    const footprint: ScenarioResult = {
      ...scenario([sized('behind', 150), sized('raw', 60)]),
      load: 'footprint',
      unit: 'MB',
    }
    const met = (most: number): boolean | undefined =>
      verdictsOf({ ...footprint, targets: [{ side: 'behind', to: 'raw', most }] })[0]?.met
    expect([met(90), met(89)]).toEqual([true, false])
  })

  it('stay open where a side did not run', () => {
    const [verdict] = verdictsOf(
      scenario(
        [side('tidings', [1]), side('raw', [], { missing: 'gone' })],
        [{ side: 'tidings', to: 'raw', ratio: 1 }],
      ),
    )
    expect([verdict?.met, verdict?.reached]).toEqual([undefined, undefined])
  })
})

describe('the guard of smoke runs', () => {
  const bound = { scenario: 'memory/test/one', side: 'tidings', to: 'raw', least: 0.5 }

  it('is content with one good round', () => {
    expect(brokenBounds([scenario(both)], [bound])).toEqual([])
  })

  it('tells a ratio that is always too low, and one that was not measured', () => {
    expect(brokenBounds([scenario(both)], [{ ...bound, least: 0.6 }])[0]).toMatch(/at least 0.6/)
    expect(brokenBounds([], [bound])[0]).toMatch(/not compared/)
  })
})

describe('a run that measures less than the one before', () => {
  it('keeps what it has not measured, and says of when that is', () => {
    const run = (startedAt: string, ids: readonly string[]): Results => ({
      ...(JSON.parse(readFileSync(new URL('../../results/published.json', import.meta.url), 'utf8')) as Results),
      startedAt,
      commit: 'abc1234',
      changed: false,
      size: 'full',
      scenarios: ids.map((id) => ({ ...scenario(both), id, title: `Title ${id}` })),
    })
    const first = run('2026-01-01T00:00:00Z', ['a', 'b'])
    const second = withEarlier(run('2026-02-02T00:00:00Z', ['b', 'c']), first)
    const third = withEarlier(run('2026-03-03T00:00:00Z', ['c']), second)
    expect(third.scenarios.map(({ id, run: of }) => [id, of?.startedAt.slice(0, 10)])).toEqual([
      ['c', undefined],
      ['b', '2026-02-02'],
      ['a', '2026-01-01'],
    ])
    const page = benchmarksPage(third)
    expect(page).toContain('Measured 2026-03-03 at abc1234. To measure again')
    expect(page).toMatch(/Title a\n\nQuickly\. Measured 2026-01-01 at abc1234\./)
    expect(page).toMatch(/Title c\n\nQuickly\.\n/)
  })
})

describe('the page', () => {
  const results: Results = {
    format: 1,
    startedAt: '2026-11-21T12:00:00.000Z',
    seconds: 600,
    size: 'full',
    built: true,
    commit: 'abc1234',
    changed: false,
    machine: {
      cpu: 'A processor',
      cores: 2,
      memoryGb: 24,
      system: 'linux 6',
      node: '24.0.0',
      v8: '13',
      sqlite: '3.50',
      filesystem: 'ext4',
      fsync: { p50: 0.15, p99: 0.23 },
      load: 0.1,
    },
    scenarios: [scenario(both, [{ side: 'tidings', to: 'raw', ratio: 0.9 }])],
  }

  it('holds date, machine, tables, verdicts and notes of the run', () => {
    const page = benchmarksPage(results)
    for (const part of [
      '2026-11-21',
      'abc1234',
      'A processor',
      '| the tidings | 50,000 |',
      '**missed**: the tidings',
      'raw is simple',
    ]) {
      expect(page).toContain(part)
    }
  })

  it('is what the published results say, word for word', () => {
    const [published, page] = [
      new URL('../../results/published.json', import.meta.url),
      new URL('../../../docs/benchmarks.md', import.meta.url),
    ]
    expect(existsSync(page)).toBe(existsSync(published))
    if (!existsSync(published)) return
    expect(readFileSync(page, 'utf8')).toBe(benchmarksPage(JSON.parse(readFileSync(published, 'utf8')) as Results))
  })
})

describe('profiles', () => {
  it('sum the time of each function, and leave idleness out', () => {
    const node = (
      id: number,
      functionName: string,
      url: string,
    ): { id: number; callFrame: { functionName: string; url: string; lineNumber: number } } => ({
      id,
      callFrame: { functionName, url, lineNumber: 6 },
    })
    const text = topOf({
      nodes: [
        node(1, '(idle)', ''),
        node(2, 'work', 'file:///a/b/c.ts'),
        node(3, 'work', 'file:///a/b/c.ts'),
        node(4, '', 'file:///x.ts'),
      ],
      samples: [1, 2, 3, 4],
      timeDeltas: [1_000, 30, 45, 25],
    })
    expect(text.split('\n').map((line) => line.trim())).toEqual([
      '75.0 %  work  b/c.ts:7',
      '25.0 %  (anonymous)  /x.ts:7',
    ])
  })
})
