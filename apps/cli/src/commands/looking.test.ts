import { createEventBus, defineEvent, type EventBus, memoryStore, PermanentError, type Store } from 'tidings'
import { virtualRuntime } from 'tidings/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'

import { runInProcess } from '../../tests/run-in-process.ts'

const OrderPlaced = defineEvent('order.placed', {
  schema: z.looseObject({ orderId: z.string(), total: z.number() }),
  key: (order) => order.orderId,
})
const escapes = '\x1b]0;owned\x07\x1b[31m\u202e'

const runtime = virtualRuntime({ seed: 5 })
const open: EventBus[] = []

/** A store with a bus on it whose inventory fails for 13; some events hold what terminals act upon. */
async function shop(): Promise<{ readonly store: Store; readonly ids: readonly string[] }> {
  const store = memoryStore()
  const bus = await createEventBus({ store, runtime, source: '/shop' })
  open.push(bus)
  bus.subscribe(OrderPlaced, { name: 'inventory' }, (event) => {
    if (event.data.total === 13) throw new PermanentError(`cannot pack ${escapes}`)
  })
  bus.subscribe('stock.*', { name: 'stock' }, () => {})
  await bus.start()
  const ids: string[] = []
  for (const [orderId, total] of [
    ['a', 1],
    ['b', 13],
    ['b', 2],
  ] as const) {
    ids.push(
      (
        await bus.publish(
          OrderPlaced,
          { orderId, total, email: 'ada@example.org', note: escapes },
          { tenantId: 'acme', correlationId: 'c-1' },
        )
      ).id,
    )
  }
  await runtime.advance(100)
  return { store, ids }
}

afterEach(async () => {
  for (const bus of open.splice(0)) {
    const closing = bus.close()
    await runtime.advance(20_000)
    await closing
  }
})

describe('looking at events', () => {
  it('shows one line an event, masked, and nothing that a terminal acts upon', async () => {
    const { store } = await shop()
    const ran = await runInProcess(['events'], { store, runtime })
    expect(ran.code).toBe(0)
    const lines = ran.out.split('\n').slice(0, -1)
    expect(lines).toHaveLength(3)
    expect(lines[0]).toMatch(/^2026-01-01 00:00:00\.\d{3}Z order\.placed acme\/a c-1 \{"orderId":"a","total":1,/)
    expect(ran.out).not.toContain('ada@example.org')
    expect(ran.out).not.toMatch(/[\x1b\x07\u202e]/)
    expect(ran.out).toContain('owned')
  })

  it('gives whole CloudEvents as JSON, which can be published again', async () => {
    const { store, ids } = await shop()
    const ran = await runInProcess(['events', '--json'], { store, runtime })
    expect(ran.out).not.toMatch(/[\x1b\x07\u202e]/)
    expect(ran.json).toMatchObject([
      {
        specversion: '1.0',
        id: ids[0],
        source: '/shop',
        subject: 'a',
        tenantid: 'acme',
        data: { email: 'ada@example.org', note: escapes },
      },
      {},
      {},
    ])
    const copy = memoryStore()
    expect(await runInProcess(['publish', '-'], { store: copy, input: ran.out })).toMatchObject({
      code: 0,
      out: '3 stored\n',
    })
    expect((await runInProcess(['events', '--json'], { store: copy, runtime })).out).toBe(ran.out)
  })

  it('filters, limits, and says when there is more', async () => {
    const { store } = await shop()
    const ids = async (...args: string[]): Promise<number> =>
      (await runInProcess(['events', '--json', ...args], { store, runtime })).json.length
    expect(await ids('--key', 'b')).toBe(2)
    expect(await ids('--tenant', 'other')).toBe(0)
    expect(await ids('--type', 'order.*', '--type', 'x.y')).toBe(3)
    expect(await ids('--category', 'order', '--correlation', 'c-1')).toBe(3)
    expect(await ids('--since', '1h')).toBe(3)
    expect(await ids('--until', '2025-12-31')).toBe(0)
    expect(await ids('--after', '2')).toBe(1)
    const limited = await runInProcess(['events', '-n', '2'], { store, runtime })
    expect(limited.out.split('\n')).toHaveLength(3)
    expect(limited.err).toContain('more than 2')
    expect((await runInProcess(['events', '--all', '-n', '3'], { store, runtime })).err).toBe('')
  })

  it('filters by stream, and says how a stream is written where it finds none', async () => {
    const { store } = await shop()
    const ran = (...args: string[]): ReturnType<typeof runInProcess> =>
      runInProcess(['events', ...args], { store, runtime })
    const found = await ran('--stream', 'acme/order/b', '--json')
    expect(found.json.map(({ subject }) => subject)).toEqual(['b', 'b'])
    expect(found.err).toBe('')
    expect((await ran('--stream', 'acme/order/b', '--type', 'x.y', '--json')).json).toEqual([])
    expect((await ran('--stream', 'acme/order/b', '--key', 'a', '--category', 'order', '--json')).json).toEqual([])
    expect((await ran('--stream', 'acme/order/b', '--category', 'stock', '--json')).json).toEqual([])

    // Its events belong to a tenant, and a line of the list shows tenant and key.
    for (const stream of ['order/b', 'order:b', 'acme/b'])
      expect(await ran('--stream', stream)).toMatchObject({
        code: 0,
        out: '',
        err: 'No event matches. A stream is written category/key, or tenant/category/key where its events belong to a tenant; the category of order.placed is order, unless its definition says otherwise.\n',
      })
    expect((await ran('--key', 'nobody')).err).toBe('No event matches.\n')
    expect((await ran('--stream', 'order/b', '--json')).err).toBe('')
    for (const wrong of ['b', 'a/b/c/d', ''])
      expect(await ran('--stream', wrong)).toMatchObject({
        code: 2,
        err: expect.stringContaining("'category/key', 'tenant/category/key' or 'category:key'") as string,
      })
  })

  it('tails what comes, from the past on where asked, until its limit', async () => {
    const { store } = await shop()
    const ran = await runInProcess(['tail', 'order.*', '--since', '1h', '-n', '2', '--json'], { store, runtime })
    expect(ran.code).toBe(0)
    expect(ran.json.map(({ subject }) => subject)).toEqual(['a', 'b'])
    const stop = new AbortController()
    const tailing = runInProcess(['tail'], { store, runtime, signal: stop.signal, terminal: 60 })
    await runtime.advance(10)
    await (open[0] as EventBus).publish(OrderPlaced, { orderId: 'live', total: 4 })
    await runtime.advance(1_000)
    stop.abort()
    await runtime.advance(1_000)
    const live = await tailing
    expect(live.code).toBe(0)
    const shown = live.out.replaceAll(/\x1b\[\d+m/g, '')
    expect(shown).toMatch(/^00:\d\d:\d\d\.\d{3}Z order\.placed live …/)
    expect(shown.trimEnd()).toHaveLength(60)
  })

  it('explains an event', async () => {
    const { store, ids } = await shop()
    const ran = await runInProcess(['explain', ids[1] as string], { store, runtime })
    expect(ran.out).toMatch(/inventory\s+parked\s+It failed for good after 1 attempt with PermanentError/)
    expect(ran.out).toMatch(/stock\s+no-match\s+It hears stock\.\*, and order\.placed is none of these\./)
    expect(ran.out).not.toMatch(/[\x1b\x07\u202e]/)
    const json = await runInProcess(['explain', ids[0] as string, '--json'], { store, runtime })
    expect(json.json).toMatchObject([
      {
        event: { id: ids[0] },
        subscriptions: [
          { name: 'inventory', standing: 'handled' },
          { name: 'stock', standing: 'no-match' },
        ],
      },
    ])
    expect(await runInProcess(['explain', 'nobody'], { store, runtime })).toMatchObject({ code: 1, out: '' })
  })

  it('lists subscriptions', async () => {
    const { store } = await shop()
    const ran = await runInProcess(['subscriptions'], { store, runtime })
    expect(ran.out.split('\n')[1]).toMatch(/^inventory\s+8\/8\s+0\s+-\s+1\s+0\s+1\s+0\s+\d+\s+order\.placed$/)
    expect((await runInProcess(['subs', '--json'], { store, runtime })).json).toMatchObject([
      { name: 'inventory', parked: { dead: 1, behind: 1 } },
      { name: 'stock' },
    ])
  })

  it('judges a store that works, with what deserves a look', async () => {
    const { store } = await shop()
    const ran = await runInProcess(['doctor'], { store, runtime })
    expect(ran.code).toBe(0)
    expect(ran.out).toContain('warn dead-letters: 1 dead letter of inventory, 1 more wait behind them.')
    expect(ran.out).toContain('Sound, with warnings.')
    expect(await runInProcess(['doctor', '--strict'], { store, runtime })).toMatchObject({ code: 1 })
    await store.close()
    const away = await runInProcess(['doctor', '--json'], { store, runtime })
    expect(away.code).toBe(1)
    expect(away.json.at(-1)).toMatchObject({ check: 'store', level: 'bad' })
  })
})

describe('looking at parked events', () => {
  it('lists them, sums them up by failure, and shows one', async () => {
    const { store, ids } = await shop()
    const list = await runInProcess(['parked', 'list'], { store, runtime })
    expect(list.out.split('\n')).toHaveLength(4)
    expect(list.out).toMatch(
      /inventory\/0\/\d+\/2\s+dead\s+1\s+.*order\.placed\s+acme\/order\/b\s+PermanentError: cannot pack/,
    )
    const groups = await runInProcess(['parked', 'list', '--by-failure', '--json'], { store, runtime })
    expect(groups.json.map(({ count }) => count)).toEqual([1, 1])
    const one = await runInProcess(['parked', 'list', '--json', '--limit', '1'], { store, runtime })
    expect(one.json).toMatchObject([{ id: expect.any(String) }, { more: true, next: expect.any(String) }])
    const rest = await runInProcess(['parked', 'list', '--json', '--after', String(one.json[1]?.next)], {
      store,
      runtime,
    })
    expect(rest.json.some((item) => 'more' in item)).toBe(false)
    expect([...one.json.slice(0, 1), ...rest.json]).toEqual(
      (await runInProcess(['parked', 'list', '--json'], { store, runtime })).json,
    )
    const shown = await runInProcess(['parked', 'show', ids[1] as string], { store, runtime })
    expect(shown.out).toContain('1 of its stream wait behind it')
    expect(shown.out).toContain('sensitive data masked')
    const parked = (await runInProcess(['parked', 'list', '--state', 'dead', '--json'], { store, runtime })).json[0]
      ?.id as unknown as string
    const revealed = await runInProcess(['parked', 'show', parked, '--reveal', '--json'], { store, runtime })
    expect(revealed.json).toMatchObject([{ event: { data: { email: 'ada@example.org' } } }])
    for (const { out } of [list, shown, groups, revealed]) expect(out).not.toMatch(/[\x1b\x07\u202e]/)
    expect(await runInProcess(['parked', 'show', 'nothing'], { store, runtime })).toMatchObject({ code: 1 })
    expect(await runInProcess(['parked', 'list', '--state', 'lost'], { store, runtime })).toMatchObject({ code: 2 })
  })

  it('refuses to drop without being sure, and to act on everything without being told', async () => {
    const { store } = await shop()
    expect(await runInProcess(['parked', 'drop', '--subscription', 'inventory'], { store, runtime })).toMatchObject({
      code: 2,
      err: expect.stringContaining('--yes') as string,
    })
    expect(await runInProcess(['parked', 'drop', '--yes'], { store, runtime })).toMatchObject({ code: 2 })
    expect(await runInProcess(['parked', 'redrive'], { store, runtime })).toMatchObject({ code: 2 })
    const dry = await runInProcess(['parked', 'drop', '--all', '--dry-run'], { store, runtime })
    expect(dry).toMatchObject({ code: 0, out: '1 parked event would be dropped (inventory 1)\n' })
    expect(await runInProcess(['parked', 'redrive', '--subscription', 'nobody'], { store, runtime })).toMatchObject({
      code: 0,
      out: 'Nothing that is parked matches.\n',
    })
    const asked = await runInProcess(['parked', 'redrive', '--all', '--no-wait', '--json'], { store, runtime })
    expect(asked.json).toMatchObject([
      {
        asked: {
          matched: 1,
          dryRun: false,
          requests: [expect.stringMatching(/^inventory\/0\/\d+\/2\/redrive$/) as string],
        },
      },
    ])
  })
})

describe('resuming a subscription', () => {
  it('asks the processes that run it, and says who has not answered', async () => {
    const { store } = await shop()
    const resume = async (...args: string[]): Promise<Awaited<ReturnType<typeof runInProcess>>> => {
      const running = runInProcess(['subscriptions', 'resume', ...args], { store, runtime })
      await runtime.advance(10_000)
      return running
    }
    expect(await resume('inventory')).toMatchObject({ code: 0, out: 'Every process that runs it takes work again.\n' })
    expect(await resume('nobody')).toMatchObject({ code: 1 })
    const closing = Promise.all(open.splice(0).map((bus) => bus.close()))
    await runtime.advance(20_000)
    await closing
    const { code, out } = await resume('inventory', '--json', '--wait', '1s')
    expect([code, JSON.parse(out)]).toMatchObject([1, { subscription: 'inventory', answered: 0, open: 8 }])
  })
})
