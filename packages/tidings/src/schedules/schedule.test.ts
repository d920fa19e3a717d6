import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { operationsOf } from '../operations/operations.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import { createTestBus, type TestWorld } from '../testing/create-test-bus.ts'
import { defineSchedule, type ScheduleOptions } from './define-schedule.ts'

const ReportDue = defineEvent<{ readonly at: string }>('report.due')
const hour = 3_600_000

function report(options: Partial<ScheduleOptions> = {}) {
  return defineSchedule('report', {
    cron: '0 * * * *',
    publish: ({ at }) => ReportDue.create({ at: new Date(at).toISOString().slice(11, 16) }),
    ...options,
  })
}

const times = ({ published }: TestWorld): readonly string[] => published(ReportDue).map(({ data }) => data.at)

describe('a schedule', { timeout: 60_000 }, () => {
  it('publishes at its times, each event carrying the time it is for', async () => {
    await using world = await createTestBus({ start: new Date('2026-01-06T05:59:00Z') })
    world.bus.use(report({ cron: '0 7 * * *', timezone: 'Europe/Berlin' }))
    await world.bus.start()
    await world.clock.advance('3m')
    expect(world.published(ReportDue).map(({ time }) => time)).toEqual(['2026-01-06T06:00:00.000Z'])
  })

  it('makes each run once over all instances', async () => {
    await using first = await createTestBus({ start: new Date('2026-01-05T06:30:00Z') })
    await using second = await createTestBus({ beside: first })
    for (const { bus } of [first, second]) {
      bus.use(report({ cron: '* * * * *' }))
      await bus.start()
    }
    await first.clock.advance('4m')
    expect(times(first)).toEqual(['06:31', '06:32', '06:33', '06:34'])
  })

  it('runs once, neither twice nor never, when the clock jumps an hour either way', async () => {
    const all = ['06:40', '06:50', '07:00', '07:10', '07:20', '07:30', '07:40', '07:50']
    for (const [jump, minutes, expected] of [
      [hour, 11, all],
      [-hour, 71, ['06:40', '06:50']],
      [-5 * 60_000, 16, ['06:40', '06:50']],
    ] as const) {
      await using world = await createTestBus({ start: new Date('2026-01-05T06:30:00Z') })
      world.bus.use(report({ cron: '*/10 * * * *', missed: 'all' }))
      await world.bus.start()
      await world.clock.advance('10m')
      expect(times(world)).toEqual(['06:40'])
      world.clock.jump(jump)
      await world.clock.advance(minutes * 60_000)
      expect(times(world), `${jump}`).toEqual(expected)
    }
  }, 60_000)

  it.each([
    ['skip', ['07:00', '12:00']],
    ['once', ['07:00', '11:00', '12:00']],
    ['all', ['07:00', '08:00', '09:00', '10:00', '11:00', '12:00']],
  ] as const)('after a downtime goes by its `missed`: %s', async (missed, expected) => {
    const store = memoryStore()
    const first = await createTestBus({ store, start: new Date('2026-01-05T06:30:00Z') })
    first.bus.use(report({ missed }))
    await first.bus.start()
    await first.clock.advance(hour)
    const before = times(first)
    await first.close()
    await using second = await createTestBus({ store, start: new Date('2026-01-05T11:20:00Z') })
    second.bus.use(report({ missed }))
    await second.bus.start()
    await second.clock.advance(hour)
    expect([...before, ...times(second)]).toEqual(expected)
  })

  it('is paused, resumed and triggered by operators, who leave a trace', async () => {
    await using world = await createTestBus({ start: new Date('2026-01-05T06:30:00Z') })
    world.bus.use(report({ missed: 'skip' }))
    await world.bus.start()
    const operations = operationsOf(world.bus)
    const { schedules } = operations
    expect(await schedules.list()).toMatchObject([
      { name: 'report', cron: '0 * * * *', timezone: 'UTC', paused: false, due: Date.parse('2026-01-05T07:00Z') },
    ])
    await schedules.pause('report', { by: 'ada' })
    await world.clock.advance(hour)
    expect(times(world)).toEqual([])
    await schedules.trigger('report', { by: 'ada' })
    await world.clock.advance('2s')
    expect(times(world)).toEqual(['07:30'])
    await schedules.resume('report', { by: 'ada' })
    await world.clock.advance(hour)
    expect(times(world)).toEqual(['07:30', '08:00'])
    expect((await schedules.list())[0]).toMatchObject({ runs: 2, asked: [] })
    expect((await operations.audit()).map(({ action, by, filter }) => [action, by, filter.what])).toEqual([
      ['schedule', 'ada', 'pause'],
      ['schedule', 'ada', 'trigger'],
      ['schedule', 'ada', 'resume'],
    ])
    await expect(schedules.pause('nothing')).rejects.toMatchObject({ code: 'TIDINGS_NOT_FOUND' })
  })

  it('begins anew when its times are changed', async () => {
    const store = memoryStore()
    const first = await createTestBus({ store, start: new Date('2026-01-05T06:30:00Z') })
    first.bus.use(report())
    await first.bus.start()
    await first.close()
    await using second = await createTestBus({ store, start: new Date('2026-01-05T09:10:00Z') })
    second.bus.use(report({ cron: '15 * * * *' }))
    await second.bus.start()
    await second.clock.advance(hour)
    expect(times(second)).toEqual(['09:15'])
  })

  it('is left to those who know it with its times, so that an old instance does not set back what a new one has changed', async () => {
    await using old = await createTestBus({ start: new Date('2026-01-05T06:30:00Z') })
    old.bus.use(report({ cron: '30 10 * * *' }))
    await old.bus.start()
    const second = await createTestBus({ beside: old })
    second.bus.use(report({ cron: '@hourly' }))
    await second.bus.start()
    await old.clock.advance('3h')
    expect(times(old)).toEqual(['07:00', '08:00', '09:00'])
    await operationsOf(second.bus).schedules.trigger('report')
    await old.clock.advance('2s')
    expect(times(old)).toEqual(['07:00', '08:00', '09:00', '09:30'])

    // Taken back: what nobody runs any more begins anew some minutes after its time, or after it is due again.
    await operationsOf(second.bus).schedules.pause('report')
    await second.close()
    await old.clock.advance('40m')
    await operationsOf(old.bus).schedules.resume('report')
    const listed = (): Promise<unknown> => operationsOf(old.bus).schedules.list()
    await old.clock.advance('4m')
    expect(await listed()).toMatchObject([{ cron: '@hourly' }])
    await old.clock.advance('2m')
    expect(await listed()).toMatchObject([{ cron: '30 10 * * *', due: Date.parse('2026-01-05T10:30Z') }])
    await old.clock.advance('20m')
    expect(times(old)).toEqual(['07:00', '08:00', '09:00', '09:30', '10:30'])
  })

  it('goes on while an inline listener hangs at one of its runs', async () => {
    await using world = await createTestBus({ start: new Date('2026-01-05T06:59:50Z') })
    const { bus, clock } = world
    let release = (): void => {}
    bus.subscribe(ReportDue, { name: 'reports', mode: 'inline', order: 'none' }, () =>
      times(world).length === 1 ? new Promise<void>((resolve) => (release = resolve)) : undefined,
    )
    bus.use(
      report({
        cron: '* * * * *',
        publish: ({ at }) => ReportDue.create({ at: new Date(at).toISOString().slice(11, 16) }),
      }),
    )
    await bus.start()
    await clock.advance('70s')
    expect(times(world)).toEqual(['07:00', '07:01'])
    release()
    await bus.settled()
  })

  it('makes a run once, wherever the process dies at it', async () => {
    for (const what of ['crash before', 'crash after', 'lose answer'] as const) {
      await using first = await createTestBus({ start: new Date('2026-01-05T06:59:50Z') })
      first.bus.use(report())
      await first.bus.start()
      first.faults.add({ what, at: 'publish', times: 1 })
      await first.clock.advance('20s')
      await using second = await createTestBus({ beside: first })
      second.bus.use(report())
      await second.bus.start()
      await second.clock.advance('1m')
      expect(times(second), what).toEqual(['07:00'])
    }
  })

  it('names every mistake at once', () => {
    expect(() =>
      defineSchedule('a b', { cron: '61 * * * *', timezone: 'Nowhere', publish: 3 as never, missed: 'never' as never }),
    ).toThrow(/`name`.*`cron`.*`timezone`.*`publish`.*`missed`/s)
  })
})
