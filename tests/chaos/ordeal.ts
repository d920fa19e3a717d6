import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { type OwnServer, type Proxied, type ServerName, without } from '../../tools/servers/index.ts'
import { type Child, runChild } from './child-process.ts'
import { faults } from './faults.ts'
import type { Counted, Tally } from './tally.ts'

/** Where an ordeal takes place. */
export interface Stage {
  /** What is broken. */
  readonly server: OwnServer
  /** The way of the instances to it. */
  readonly proxy: Proxied
  readonly tally: Tally
  /** Arguments of `selling-service.ts`. */
  readonly seller: readonly string[]
  /** Arguments of `sales-service.ts`. */
  readonly instance: readonly string[]
  end(): Promise<void>
}

export interface Ordeal {
  /** Begins every figure that is printed. */
  readonly name: string
  readonly title: string
  readonly needs: readonly ServerName[]
  /** Whether all is handled again before the next fault strikes; else faults pile up. In the long form it always is. */
  readonly recovers: boolean
  /** Longer than the lease of partitions, in milliseconds. */
  readonly lease: number
  set(): Promise<Stage>
}

interface Blow {
  readonly fault: string
  /** Acknowledged and not yet handled when it struck. */
  readonly unhandled: number
  /** Milliseconds from its end until everything was handled that had been acknowledged by then; undefined where nobody waited for that. */
  readonly recovered: number | undefined
}

/** `TIDINGS_LONG=1`: faults last longer, and the load a minute longer than they. */
const long = process.env.TIDINGS_LONG === '1'
const hold = long ? 3 : 1
/** Events published at once before each fault, so that work lies waiting when it strikes; the fewest that must, and how often bursts may follow each other until they do. */
const burst = long ? 1_000 : 800
const fewest = long ? 500 : 300
const bursts = 5
/** Events a second all the while: fewer where it lasts, so that also a machine that has much to do keeps up with them. */
const pace = long ? 40 : 100
/** How long everything may take to be handled once a fault is over, in milliseconds. */
const recovery = 30_000

const program = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** One service publishes; three instances of another share a store and count what they hear. One fault after the other strikes while work lies waiting. */
export function describeOrdeal(ordeal: Ordeal): void {
  const { name, title, needs } = ordeal
  describe(title, without(...needs), () => {
    const everyone: Child[] = []
    const instances: Child[] = []
    const blows: Blow[] = []
    const published = new Map<string, number>()
    let stage: Stage
    let seller: Child
    let seen = 0
    let acknowledgements = 0
    let left = Number.NaN
    let recovered = Number.POSITIVE_INFINITY

    const acknowledged = (): number => {
      for (; seen < seller.lines.length; seen++) {
        const [word, stream = ''] = (seller.lines[seen] as string).split(' ')
        if (word !== 'ack') continue
        acknowledgements++
        published.set(stream, (published.get(stream) ?? 0) + 1)
      }
      return acknowledgements
    }
    const tell = (line: string): void => void seller.process.stdin?.write(`${line}\n`)
    const told = (word: string): string[] =>
      everyone.flatMap(({ lines }) => lines.filter((line) => line.startsWith(`${word} `)))
    const begin = async (): Promise<Child> => {
      const child = runChild(program('sales-service.ts'), stage.instance)
      everyone.push(child)
      await child.line('ready', 60_000)
      return child
    }
    /** Publishes until enough lies waiting, and answers how much; nothing where earlier faults have left enough. On a busy machine the publisher may be slower than three instances are. */
    const pileUp = async (): Promise<number> => {
      for (let at = 0; ; at++) {
        const unhandled = acknowledged() - (await stage.tally.handled())
        if (unhandled >= fewest || at === bursts) return unhandled
        const wanted = acknowledged() + burst
        tell(`burst ${burst}`)
        while (acknowledged() < wanted) await pause(5)
      }
    }
    /** Milliseconds until so many are handled; infinite where that takes too long. */
    const until = async (count: number): Promise<number> => {
      const began = performance.now()
      while ((await stage.tally.handled()) < count) {
        if (performance.now() - began > recovery) return Number.POSITIVE_INFINITY
        await pause(20)
      }
      return performance.now() - began
    }

    beforeAll(
      async () => {
        stage = await ordeal.set()
        seller = runChild(program('selling-service.ts'), stage.seller, { input: true })
        everyone.push(seller)
        await seller.line('ready', 60_000)
        for (let at = 0; at < 3; at++) instances.push(await begin())
        tell(`pace ${pace}`)
        for (const fault of faults) {
          const unhandled = await pileUp()
          await fault.strike({ ...stage, instances, lease: ordeal.lease, begin }, hold)
          blows.push({
            fault: fault.name,
            unhandled,
            recovered: ordeal.recovers || long ? await until(acknowledged()) : undefined,
          })
        }
        if (long) await pause(60_000)
        left = Math.max(0, acknowledged() - (await stage.tally.handled()))
        tell('pace 0')
        tell('end')
        await seller.line('published', 30_000)
        recovered = await until(acknowledged())
        // Whoever is slow says why, before it is too slow.
        if (recovered > recovery / 2)
          for (const [at, { errors }] of instances.entries())
            for (const line of errors.slice(-40)) process.stdout.write(`${name}: instance ${at + 1}: ${line}\n`)
      },
      long ? 900_000 : 300_000,
    )

    afterAll(async () => {
      for (const child of everyone) child.process.kill('SIGKILL')
      await Promise.all(everyone.map(({ gone }) => gone))
      await stage?.end()
    }, 60_000)

    it('struck while work lay waiting', () => {
      for (const { fault, unhandled, recovered } of blows) {
        const after = recovered === undefined ? '' : `, all of them handled ${Math.round(recovered)} ms after it`
        process.stdout.write(`${name}: ${unhandled} unhandled at ${fault}${after}\n`)
      }
      expect(blows).toHaveLength(faults.length)
      for (const { unhandled } of blows) expect(unhandled).toBeGreaterThanOrEqual(fewest)
    })

    it('handles all that was acknowledged, within half a minute of each fault that it may recover from, and of the last', async () => {
      process.stdout.write(
        `${name}: ${acknowledged()} events, ${left} unhandled when the load ended, all handled ${Math.round(recovered)} ms later\n`,
      )
      expect(await stage.tally.handled()).toBe(acknowledged())
      expect(blows.filter((blow) => (blow.recovered ?? 0) > recovery)).toEqual([])
      expect(recovered).toBeLessThan(recovery)
    })

    it('handles each once, in order of its stream', async () => {
      acknowledged()
      const expected = new Map<string, Counted>([...published].map(([stream, n]) => [stream, { n, disordered: 0 }]))
      expect(await stage.tally.streams()).toEqual(expected)
      const rows = await stage.tally.rows()
      if (rows !== undefined) expect(rows).toEqual(expected)
    })

    it('spends no attempt on an outage and parks nothing', async () => {
      expect([...told('attempt'), ...told('failed')]).toEqual([])
      expect(await stage.tally.parked()).toEqual([])
    })

    it('rejects nothing that nobody handles', () => {
      expect(told('unhandled')).toEqual([])
    })

    it('closes within its deadline with the server gone, or silent', async () => {
      const closed = async (child: Child): Promise<void> => {
        child.process.kill('SIGTERM')
        expect(Number((await child.line('closed', 15_000)).split(' ')[1])).toBeLessThan(5_000)
      }
      const [silent, ...others] = instances as [Child, ...Child[]]
      await stage.proxy.halfOpen()
      await closed(silent)
      await stage.proxy.up()
      await stage.server.kill()
      await Promise.all([seller, ...others].map(closed))
    }, 60_000)
  })
}
