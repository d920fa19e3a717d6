import { describe, expect, it } from 'vitest'

import { prometheusMeter } from './prometheus-meter.ts'

describe('the Prometheus meter', () => {
  it('counts under names of Prometheus, one line for each set of labels', async () => {
    const meter = prometheusMeter()
    meter.counter('tidings.events.processed', { subscription: 'stock' }).add(2)
    meter.counter('tidings.events.processed', { subscription: 'mail' }).add(1)
    meter.counter('tidings.events.processed', { subscription: 'stock' }).add(3)
    const text = await meter.text()
    expect(text).toContain('# TYPE tidings_events_processed_total counter')
    expect(text).toContain('tidings_events_processed_total{subscription="stock"} 5')
    expect(text).toContain('tidings_events_processed_total{subscription="mail"} 1')
  })

  it('keeps durations in the buckets that OpenTelemetry advises, counts in wider ones', async () => {
    const meter = prometheusMeter()
    const duration = meter.histogram('messaging.process.duration')
    duration.record(0.03)
    duration.record(20)
    meter.histogram('tidings.commit.units').record(150)
    const text = await meter.text()
    const bounds = [...text.matchAll(/messaging_process_duration_seconds_bucket\{le="([^"]+)"\} (\d+)/g)].map(
      ([, le, count]) => [le, Number(count)],
    )
    expect(bounds.map(([le]) => le)).toEqual([
      '0.005',
      '0.01',
      '0.025',
      '0.05',
      '0.075',
      '0.1',
      '0.25',
      '0.5',
      '0.75',
      '1',
      '2.5',
      '5',
      '7.5',
      '10',
      '+Inf',
    ])
    expect(Object.fromEntries(bounds)).toMatchObject({ '0.025': 0, '0.05': 1, '10': 1, '+Inf': 2 })
    expect(text).toContain('messaging_process_duration_seconds_sum 20.03')
    expect(text).toContain('tidings_commit_units_bucket{le="200"} 1')
  })

  it('reads gauges when somebody looks, and the newest reader of the same labels', async () => {
    const meter = prometheusMeter()
    let waiting = 1
    meter.gauge('tidings.publish.waiting', () => 99)
    meter.gauge('tidings.publish.waiting', () => waiting)
    expect(await meter.text()).toContain('tidings_publish_waiting 1')
    waiting = 7
    expect(await meter.text()).toContain('tidings_publish_waiting 7')
  })

  it('leaves out a gauge that cannot be read and keeps the others', async () => {
    const meter = prometheusMeter()
    const broken = (): number => {
      throw new Error('no')
    }
    meter.gauge('bare', broken)
    meter.gauge('lag', broken, { subscription: 'a' })
    meter.gauge('lag', () => Number.NaN, { subscription: 'b' })
    meter.gauge('lag', () => 3, { subscription: 'c' })
    const samples = (await meter.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    expect(samples).toEqual(['lag{subscription="c"} 3'])
  })

  it('lets several buses count side by side', async () => {
    const meter = prometheusMeter({ labels: { region: 'eu' } })
    meter.with({ service: 'auth' }).counter('sent').add(1)
    meter.with({ service: 'users' }).counter('sent').add(2)
    const text = await meter.text()
    expect(text).toContain('sent_total{region="eu",service="auth"} 1')
    expect(text).toContain('sent_total{region="eu",service="users"} 2')
  })

  it('escapes label values', async () => {
    const meter = prometheusMeter()
    meter.counter('sent', { name: 'a"b\\c\nd' }).add(1)
    expect(await meter.text()).toContain('sent_total{name="a\\"b\\\\c\\nd"} 1')
  })

  it('refuses a name that means two things', () => {
    const meter = prometheusMeter()
    meter.counter('sent.total', { subscription: 'a' })
    const refused = expect.objectContaining({
      code: 'TIDINGS_INVALID_OPTION',
      message: expect.stringContaining('sent_total'),
    })
    expect(() => meter.gauge('sent.total', () => 1)).toThrow(refused)
    expect(() => meter.counter('sent', { type: 'a' })).toThrow(refused)
  })
})
