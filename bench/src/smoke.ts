import { measure } from './measure.ts'
import { chooseScenarios } from './plan/choose-scenarios.ts'
import { bounds, brokenBounds } from './plan/smoke-bounds.ts'
import { printed } from './report/rows.ts'

/**
 * `npm run bench:smoke`: seconds long, no peers. Refuses where a ratio falls so far that no busy machine explains it. It never
 * looks at a time or a rate.
 */
const wanted = new Map(bounds.map(({ scenario }) => [scenario, new Set<string>()]))
for (const { scenario, side, to } of bounds) wanted.get(scenario)?.add(side).add(to)
const scenarios = chooseScenarios({ peers: false })
  .filter(({ id }) => wanted.has(id))
  .map((scenario) => ({ ...scenario, sides: scenario.sides.filter(({ name }) => wanted.get(scenario.id)?.has(name)) }))
const results = await measure(scenarios, {
  size: 'smoke',
  done: (result) => console.log(printed({ ...result, targets: [] })),
})
const broken = brokenBounds(results.scenarios)
for (const line of broken) console.error(line)
console.log(
  broken.length === 0
    ? `All ${bounds.length} ratios are within their bounds.`
    : `${broken.length} of ${bounds.length} ratios are out of bounds.`,
)
if (broken.length > 0) process.exitCode = 1
