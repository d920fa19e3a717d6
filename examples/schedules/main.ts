import { setTimeout } from 'node:timers/promises'

import { createEventBus, defineEvent, defineSchedule, operationsOf } from 'tidings'
import { z } from 'zod'

// #region schedule
const ReportDue = defineEvent('report.due', { schema: z.object({ day: z.string() }), key: (report) => report.day })

const dailyReport = defineSchedule('daily-report', {
  cron: '0 7 * * 1-5',
  timezone: 'Europe/Berlin',
  missed: 'once',
  publish: ({ at }) => ReportDue.create({ day: new Date(at).toISOString().slice(0, 10) }),
})

const bus = await createEventBus({ url: 'sqlite:./reports.db' })
bus.use(dailyReport)
let reports = 0
bus.subscribe(ReportDue, { name: 'reports' }, () => void reports++)
await bus.start()
// #endregion schedule

// #region operate
const { schedules } = operationsOf(bus)
const [schedule] = await schedules.list()
console.log(`${schedule?.name} runs ${schedule?.cron} in ${schedule?.timezone}`)

await schedules.trigger('daily-report', { by: 'ada' })
// #endregion operate
while (reports === 0) await setTimeout(20)
console.log(`${reports} report, asked for by hand`)

await schedules.pause('daily-report', { by: 'ada' })
console.log(`paused: ${(await schedules.list())[0]?.paused}`)
await bus.close()
