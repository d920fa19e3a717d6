import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { mulberry32 } from 'tidings/spi'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'

import { kill, killAll, look, startService, tidings, until } from '../tests/processes.ts'

const folder = mkdtempSync(join(tmpdir(), 'tidings-operating-'))
let url = ''
let count = 0

beforeEach(() => {
  url = `sqlite:${join(folder, `${++count}.db`)}`
})
afterEach(killAll)
afterAll(() => rmSync(folder, { recursive: true }))

/** What the inventory has answered, as `order:total`, in order. */
function reserved(): Promise<string[]> {
  return look(url, async (operations) => {
    const answers: string[] = []
    for await (const stored of operations.events.search({ types: ['stock.reserved'] })) {
      const { event } = operations.events.view(stored)
      const data = event?.data as { orderId: string; total: number } | undefined
      answers.push(`${data?.orderId}:${data?.total}`)
    }
    return answers
  })
}

/** The service has got to all it was told; parked or handled. */
async function settled(): Promise<void> {
  await until(
    () =>
      look(url, async (operations) => (await operations.subscriptions()).every(({ waiting }) => waiting.events === 0)),
    'nothing waits',
  )
}

/** All partitions are looked after, or none is. */
async function owned(by: 'all' | 'none'): Promise<void> {
  await until(
    () =>
      look(url, async (operations) => {
        const owners = (await operations.subscriptions()).flatMap(({ partitions }) =>
          partitions.map(({ owner }) => owner.state === 'alive'),
        )
        return owners.every((alive) => alive === (by === 'all'))
      }),
    `${by} of the partitions are owned`,
  )
}

async function parked(...args: string[]): Promise<readonly { id: string; state: string }[]> {
  return (await tidings(url, 'parked', 'list', '--json', ...args)).json as never
}

function parkedCount(): Promise<number> {
  return look(url, async (operations) => (await operations.parked.list()).items.length)
}

describe('operating a service of another process', () => {
  it('lists, redrives and drops what a poisoned stream has parked', async () => {
    await startService(url, 'sick', 'a:1', 'b:13', 'b:2', 'b:3', 'c:13')
    await settled()
    const all = await parked()
    expect(all.map(({ state }) => state).toSorted()).toEqual(['behind', 'behind', 'dead', 'dead'])

    const failed = await tidings(url, 'parked', 'redrive', '--subscription', 'inventory')
    expect(failed).toMatchObject({ code: 1, err: expect.stringContaining('failed again inventory/0/') as string })
    expect(failed.out).toBe('2 parked events asked to run again (inventory 2)\n2 failed again\n')

    const [b] = await parked('--stream', 'order/b', '--state', 'dead')
    const dropped = await tidings(url, 'parked', 'drop', b?.id as string, '--yes', '--by', 'ada')
    expect(dropped).toMatchObject({ code: 0, out: '1 parked event asked to be dropped (inventory 1)\n1 dropped\n' })
    await until(async () => (await reserved()).length === 3, 'the stream goes on')
    expect((await reserved()).filter((line) => line.startsWith('b'))).toEqual(['b:2', 'b:3'])
    expect((await parked()).map(({ state }) => state)).toEqual(['dead'])
  })

  it('redrives a few at a time into a service that is well again', async () => {
    const sick = await startService(url, 'sick', ...Array.from({ length: 8 }, (_, at) => `o-${at}:13`))
    await settled()
    const stopped = await tidings(url, 'parked', 'redrive', '--all', '--ramp', '2,10')
    expect(stopped).toMatchObject({
      code: 1,
      out: expect.stringContaining('Stopped: too many have failed again') as string,
    })
    expect(await parked('--state', 'dead')).toHaveLength(8)
    await kill(sick)
    await startService(url, 'well')
    await owned('all')
    const done = await tidings(url, 'parked', 'redrive', '--all', '--ramp', '2,10', '--json')
    expect(done.code).toBe(0)
    expect(done.json.map(({ asked }) => asked)).toEqual([2, 6])
    expect((await reserved()).toSorted()).toEqual(Array.from({ length: 8 }, (_, at) => `o-${at}:13`))
  })

  it('carries a request out once although the service is killed before it could', async () => {
    const sick = await startService(url, 'sick', 'b:13', 'b:2')
    await settled()
    // Stopped, so that it can only be killed between the request and its execution; where it was stopped amid a write, it is let go on and stopped again.
    await until(async () => {
      sick.kill('SIGSTOP')
      const { code } = await tidings(`${url}?busyTimeout=500`, 'parked', 'redrive', '--all', '--no-wait')
      if (code !== 0) sick.kill('SIGCONT')
      return code === 0
    }, 'it is stopped while it writes nothing')
    await kill(sick)
    expect(await reserved()).toEqual([])
    await startService(url, 'well')
    await until(async () => (await reserved()).length === 2, 'the request is carried out')
    expect(await reserved()).toEqual(['b:13', 'b:2'])
    expect(await parkedCount()).toBe(0)
    expect((await tidings(url, 'subscriptions', '--json')).json).toMatchObject([{ requests: 0 }])
  })

  it('carries requests out once whenever the service is killed', async () => {
    const seed = 20_260_301
    const random = mulberry32(seed)
    const orders = Array.from({ length: 4 }, (_, at) => `o-${at}:13`)
    let service = await startService(url, 'sick', ...orders)
    await settled()
    await kill(service)
    for (const [at] of orders.entries()) {
      service = await startService(url, 'well')
      await tidings(url, 'parked', 'redrive', '--stream', `order/o-${at}`, '--no-wait')
      await new Promise((resolve) => setTimeout(resolve, random() * 1_500))
      await kill(service)
    }
    await startService(url, 'well')
    await until(async () => (await parkedCount()) === 0, `all are carried out (seed ${seed})`)
    expect((await reserved()).toSorted(), `seed ${seed}`).toEqual(orders)
  })

  it('says at once that nobody is there, and the request waits for somebody', async () => {
    const sick = await startService(url, 'sick', 'b:13')
    await settled()
    await kill(sick)
    await owned('none')
    const ran = await tidings(url, 'parked', 'redrive', '--all')
    expect(ran).toMatchObject({
      code: 1,
      out: expect.stringContaining('no instance looks after inventory/0/') as string,
    })
    await startService(url, 'well')
    await until(async () => (await reserved()).length === 1, 'the request is carried out')
  })

  it('replays history through a service, as a run of its own', async () => {
    await startService(url, 'well', 'a:1', 'b:2')
    await settled()
    const dry = await tidings(url, 'replay', 'inventory', '--dry-run')
    expect(dry).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^2 events after position 0 up to \d+\n$/) as string,
    })
    const counted = async (...part: string[]): Promise<unknown> =>
      (await tidings(url, '--json', 'replay', 'inventory', '--dry-run', ...part)).out
    const [type, key] = ['order.placed', 'a'] as const
    expect(await counted('--type', 'order.*')).toContain('"count":2')
    expect(await counted('--type', type, '--stream', `order/${key}`)).toContain('"count":1')
    expect(await counted('--tenant', 'nobody')).toContain('"count":0')
    expect(await tidings(url, 'replay', 'inventory', '--rate', '0')).toMatchObject({ code: 2 })
    expect(await tidings(url, 'replay', 'inventory', '--stream', 'nonsense')).toMatchObject({ code: 2 })
    const ran = await tidings(url, 'replay', 'inventory', '--by', 'ada', '--rate', '50')
    expect(ran).toMatchObject({
      code: 0,
      out: expect.stringContaining('asked for as run 1 of inventory\nDone.') as string,
    })
    expect(await tidings(url, 'replay', 'inventory', '--follow', '1')).toMatchObject({ code: 0, out: 'Done.\n' })
    expect(await tidings(url, 'replay', 'nobody')).toMatchObject({
      code: 1,
      err: expect.stringContaining('TIDINGS_NOT_FOUND') as string,
    })
  })
})

describe('the doctor', () => {
  it('finds a sound file sound', async () => {
    await startService(url, 'well', 'a:1', 'b:2')
    await settled()
    const ran = await tidings(url, 'doctor')
    expect(ran.out).toMatch(/^ok {3}file: 4 events in \d+ streams/m)
    expect(ran.code).toBe(0)
  })

  it('finds a damaged file unsound, and one that is no store', async () => {
    const damaged = join(folder, 'damaged.db')
    writeFileSync(damaged, Buffer.alloc(8_192, 0x42))
    expect(await tidings(`sqlite:${damaged}`, 'doctor')).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^bad {2}file/m) as string,
    })
    expect(await tidings(`sqlite:${join(folder, 'missing.db')}`, 'doctor')).toMatchObject({ code: 1 })
  })
})
