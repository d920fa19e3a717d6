import { createEventBus, defineEvent } from 'tidings'
import { memoryStore, mulberry32, type Store, virtualRuntime } from 'tidings/spi'
import { describe, expect, it } from 'vitest'

const Said = defineEvent('word.said')
const rate = 50

interface Passed {
  readonly at: number
  readonly waited: number
  readonly critical: boolean
}

/** Publishes for ten seconds about as much as the limit lets through, in bursts and with mixed priorities, and tells when each was committed. */
async function storm(seed: number): Promise<{ passed: readonly Passed[]; published: number }> {
  const runtime = virtualRuntime({ seed })
  const random = mulberry32(seed)
  const memory = memoryStore()
  const passed: Passed[] = []
  const began = new Map<string, number>()
  const store: Store = {
    ...memory,
    async commit(units) {
      for (const { append = [] } of units) {
        for (const record of append)
          passed.push({
            at: runtime.monotonic(),
            waited: runtime.monotonic() - (began.get(record.key) ?? 0),
            critical: record.priority === 0,
          })
      }
      return memory.commit(units)
    },
  }
  const bus = await createEventBus({ store, runtime, publish: { rate } })
  let published = 0
  for (let at = 0; at < 10_000; at += 100) {
    const burst = random() < 0.1 ? 40 : Math.floor(random() * 4)
    for (let n = 0; n < burst; n++) {
      const id = `w-${++published}`
      const roll = random()
      began.set(id, runtime.monotonic())
      void bus.publish(
        Said,
        { id },
        { priority: roll < 0.1 ? 'critical' : roll < 0.4 ? 'high' : roll < 0.7 ? 'normal' : 'low', deadline: '5m' },
      )
    }
    await runtime.advance(100)
  }
  await runtime.advance(300_000)
  return { passed, published }
}

describe('38: the rate limit', () => {
  it('lets critical events pass at once, never more of the others than it says over any time, and nobody starve', {
    timeout: 30_000,
  }, async () => {
    let waited = 0
    for (let seed = 1; seed <= 10; seed++) {
      const { passed, published } = await storm(seed)
      expect(passed, `seed ${seed}`).toHaveLength(published)
      expect(
        passed.filter(({ critical, waited: ms }) => critical && ms > 0),
        `seed ${seed}`,
      ).toEqual([])
      const others = passed.filter(({ critical }) => !critical).map(({ at }) => at)
      for (let from = 0; from < others.length; from++) {
        for (let to = from; to < others.length; to++) {
          const window = (others[to] as number) - (others[from] as number)
          // A bucket holds one second's worth.
          if (to - from + 1 > rate + (rate * window) / 1_000 + 1e-6)
            expect.fail(`seed ${seed}: ${to - from + 1} events passed within ${window} ms`)
        }
      }
      waited += passed.filter(({ waited: ms }) => ms > 0).length
    }
    expect(waited).toBeGreaterThan(100)
  })
})
