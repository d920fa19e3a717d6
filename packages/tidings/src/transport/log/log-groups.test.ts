import { describe, expect, it } from 'vitest'
import { sleep } from '../../kernel/runtime.ts'
import { mulberry32 } from '../../kernel/virtual-runtime.ts'
import { Books, Listener, logged, logWorld, type Process, type World } from './log-world.ts'

const lease = 5_000

describe('groups over the log', () => {
  it('shares partitions fairly among three members, and moves no more than it must', async () => {
    const { world, books, listeners } = await group(1, 3)
    await world.runtime.advance(lease)
    expect(sizes(listeners)).toEqual([2, 3, 3])
    expect(all(listeners)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    // The first gave up five and was never given any back.
    expect(first(listeners).told.filter((told) => told.startsWith('assigned'))).toEqual(['assigned 0,1,2,3,4,5,6,7'])
    expect(first(listeners).owned.size).toBe(3)
    const before = listeners.map(({ told }) => told.length)
    await world.append(100)
    await world.runtime.advance(60_000)
    expect(listeners.map(({ told }) => told.length)).toEqual(before)
    expect(books.handled).toEqual(await logged(world.store))
    expect(listeners.flatMap(({ problems }) => problems)).toEqual([])
  })

  it('takes members in and lets them go under load, each event handled once and in order', async () => {
    const { world, books, listeners, join } = await group(2, 2)
    const load = loaded(world)
    await world.runtime.advance(lease)
    await join()
    await world.runtime.advance(lease)
    expect(sizes(listeners)).toEqual([2, 3, 3])
    await first(listeners).consumer?.close()
    await world.runtime.advance(lease)
    expect(sizes(listeners)).toEqual([0, 4, 4])
    await load.stop()
    await world.runtime.advance(1_000)
    expect(books.handled).toEqual(await logged(world.store))
    expect(listeners.flatMap(({ problems }) => problems)).toEqual([])
  })

  it('hands over only when the old owner is done', async () => {
    const { world, listeners, join } = await group(3, 1)
    await world.runtime.advance(0)
    first(listeners).slow = () => sleep(world.runtime, 9_000)
    await join()
    await world.append(50)
    await world.runtime.advance(8_000)
    expect(first(listeners).owned.size).toBe(8)
    expect(listeners[1]?.owned.size).toBe(0)
    await world.runtime.advance(3_000)
    expect(sizes(listeners)).toEqual([4, 4])
    await world.runtime.advance(0)
    expect(first(listeners).books.handled).toEqual(await logged(world.store))
    expect(listeners.flatMap(({ problems }) => problems)).toEqual([])
  })

  it("gives a gracefully closed owner's partitions away at once", async () => {
    const { world, listeners, processes, join } = await group(4, 1)
    await world.runtime.advance(1_000)
    await processes[0]?.transport.close()
    expect(first(listeners).told.at(-1)).toBe('revoked 0,1,2,3,4,5,6,7')
    expect(await world.store.find('instances')).toEqual([])
    await join()
    await world.runtime.advance(0)
    expect(listeners[1]?.owned.size).toBe(8)
    await processes[1]?.transport.close()
    await world.runtime.advance(0)
    expect(world.runtime.pending).toBe(0)
  })

  it('lets the successor of a crashed only process begin within the lease', async () => {
    const { world, listeners, processes, join, books } = await group(5, 1)
    await world.append(40)
    await world.runtime.advance(12_345)
    ;(processes[0] as Process).health = 'dead'
    await world.append(40)
    await join()
    await world.runtime.advance(lease + 10)
    expect(listeners[1]?.owned.size).toBe(8)
    expect(books.handled).toEqual(await logged(world.store))
  })

  it('takes over from a crashed member within the lease, and starts at once where the lease has run out', async () => {
    const { world, listeners, processes, join } = await group(6, 3)
    await world.runtime.advance(20_000)
    ;(processes[1] as Process).health = 'dead'
    await world.runtime.advance(lease + 300)
    expect(sizes([first(listeners), listeners[2] as Listener])).toEqual([4, 4])
    for (const process of processes) process.health = 'dead'
    await world.runtime.advance(lease)
    const late = await join()
    await world.runtime.advance(0)
    expect(late.owned.size).toBe(8)
  })

  it('tells a member that was paused past its lease what it has lost, then shares again', async () => {
    const { world, books, listeners, processes } = await group(7, 2)
    const load = loaded(world)
    await world.runtime.advance(20_000)
    const paused = processes[0] as Process
    const owned = [...first(listeners).owned]
    paused.health = 'hanging'
    await world.runtime.advance(3 * lease)
    expect(listeners[1]?.owned.size).toBe(8)
    paused.health = 'well'
    await world.runtime.advance(0)
    expect(first(listeners).told.at(-1)).toBe(`lost ${owned.join(',')}`)
    await world.runtime.advance(lease)
    expect(sizes(listeners)).toEqual([4, 4])
    await load.stop()
    await world.runtime.advance(1_000)
    expect(books.handled).toEqual(await logged(world.store))
    expect(listeners.flatMap(({ problems }) => problems)).toEqual([])
  })

  it.each([3_600_000, -3_600_000])('keeps everybody in place when the wall clock jumps by %i ms', async (jump) => {
    const { world, listeners, processes } = await group(8, 3)
    await world.runtime.advance(20_000)
    const before = listeners.map(({ told }) => told.length)
    world.runtime.jump(jump)
    await world.runtime.advance(20_000)
    expect(listeners.map(({ told }) => told.length)).toEqual(before)
    // And the dead do not live on because the clock went back.
    ;(processes[2] as Process).health = 'dead'
    world.runtime.jump(jump)
    await world.runtime.advance(lease + 300 + lease / 3)
    expect(sizes(listeners.slice(0, 2))).toEqual([4, 4])
  })

  it('does not trust the wall clock of a document it has never seen renewed for longer than the lease', async () => {
    const { world, processes, join } = await group(9, 1)
    world.runtime.jump(3_600_000)
    await world.runtime.advance(20_000)
    ;(processes[0] as Process).health = 'dead'
    world.runtime.jump(-3_600_000)
    const successor = await join()
    await world.runtime.advance(lease - 10)
    expect(successor.owned.size).toBe(0)
    await world.runtime.advance(20)
    expect(successor.owned.size).toBe(8)
  })

  it('gives all partitions of an exclusive group to one member at a time', async () => {
    const { world, listeners, processes, books } = await group(10, 3, { exclusive: true })
    await world.append(30)
    await world.runtime.advance(20_000)
    expect(listeners.map(({ owned }) => owned.size)).toEqual([8, 0, 0])
    await processes[0]?.transport.close()
    await world.append(30)
    await world.runtime.advance(lease)
    expect(sizes(listeners)).toEqual([0, 0, 8])
    expect(books.handled).toEqual(await logged(world.store))
  })

  it('leaves members without partitions where there are more members than partitions', async () => {
    const { world, listeners, processes } = await group(11, 5, {}, 3)
    await world.runtime.advance(2 * lease)
    expect(sizes(listeners)).toEqual([0, 0, 1, 1, 1])
    await processes[listeners.findIndex(({ owned }) => owned.size === 1)]?.transport.close()
    await world.runtime.advance(lease)
    expect(sizes(listeners)).toEqual([0, 0, 1, 1, 1])
  })

  it('takes one process that joins the same group twice for two members', async () => {
    const world = logWorld(12)
    const { transport } = world.process()
    const books = new Books()
    const listeners = await Promise.all([0, 1].map(() => new Listener(books).join(transport, { group: 'g' })))
    await world.runtime.advance(lease)
    expect(sizes(listeners)).toEqual([4, 4])
    await first(listeners).consumer?.close()
    await world.runtime.advance(lease)
    expect(sizes(listeners)).toEqual([0, 8])
    await transport.close()
    expect(await world.store.find('instances')).toEqual([])
  })

  it('keeps many groups with a single document of its own, and writes only to stay alive', async () => {
    const world = logWorld(13)
    const process = world.process()
    await Promise.all(
      Array.from({ length: 40 }, (_, at) => new Listener(new Books()).join(process.transport, { group: `g${at}` })),
    )
    await world.runtime.advance(10_000)
    const [instance, ...others] = await world.store.find('instances')
    expect(others).toEqual([])
    expect(JSON.parse(instance?.body ?? '')).toMatchObject({ lease, groups: expect.arrayContaining(['g0', 'g39']) })
    const owners = await world.store.find('owners')
    expect(owners.map(({ version }) => version)).toEqual(Array(40).fill(1))
    const before = process.calls
    await world.runtime.advance(60_000)
    // Polls apart: a look reads two collections, and a third of a lease passes between two writes.
    expect((await world.store.find('instances'))[0]?.version).toBeLessThanOrEqual((instance?.version ?? 0) + 37)
    expect(process.calls - before).toBeLessThan(600 + 37 * 2 * 3 + 10)
  })

  it('lets the rightful owner begin again where a late predecessor has taken its fence', async () => {
    const { world, books, listeners, processes, join } = await group(18, 1)
    const late = first(listeners)
    late.slow = () => sleep(world.runtime, 12_000)
    await world.runtime.advance(0)
    ;(processes[0] as Process).health = 'hanging'
    const owner = await join()
    await world.runtime.advance(lease + 100)
    await world.append(30)
    await world.runtime.advance(0)
    expect(books.owner).toEqual(Array(8).fill(owner))
    // Now the first one wakes up, and what it began before its pause goes through before it looks around.
    await world.runtime.advance(12_000)
    ;(processes[0] as Process).health = 'well'
    late.slow = async () => {}
    await world.runtime.advance(2 * lease)
    await world.append(30)
    await world.runtime.advance(0)
    expect(sizes(listeners)).toEqual([4, 4])
    for (const listener of listeners)
      for (const partition of listener.owned) expect(books.owner[partition]).toBe(listener)
    expect(books.handled).toEqual(await logged(world.store))
    expect(listeners.flatMap(({ problems }) => problems)).toEqual([])
  })

  it('asks again where partitions begin when the sink could not say', async () => {
    const world = logWorld(14)
    await world.append(20)
    const { transport } = world.process()
    const listener = new Listener(new Books())
    let failures = 3
    const assigned = listener.assigned.bind(listener)
    listener.assigned = async (partitions) => {
      if (failures > 0) {
        failures--
        throw new Error('no checkpoint')
      }
      return assigned(partitions)
    }
    await listener.join(transport, { group: 'g' })
    await world.runtime.advance(0)
    expect(listener.owned.size).toBe(0)
    await world.runtime.advance(1_000)
    expect(listener.books.count).toBe(20)
    expect(listener.problems).toEqual([])
  })

  it('closes while the sink cannot say where to begin, and while it is being told', async () => {
    const world = logWorld(15)
    const { transport } = world.process()
    const failing = new Listener(new Books())
    failing.assigned = () => Promise.reject(new Error('no checkpoint'))
    await failing.join(transport, { group: 'a' })
    const slow = new Listener(new Books())
    slow.slow = () => sleep(world.runtime, 500)
    await slow.join(transport, { group: 'b' })
    await world.runtime.advance(10)
    const closed = transport.close()
    await world.runtime.advance(1_100)
    await closed
    expect(slow.told).toEqual(['assigned 0,1,2,3,4,5,6,7', 'revoked 0,1,2,3,4,5,6,7'])
    expect(failing.told).toEqual([])
    expect(await world.store.find('instances')).toEqual([])
    expect(world.runtime.pending).toBe(0)
  })

  it('rejects a subscription while the store fails, and closes in finite time', async () => {
    const world = logWorld(16)
    const process = world.process()
    process.health = 'failing'
    const listener = new Listener(new Books())
    await expect(process.transport.subscribe({ group: 'g' }, listener)).rejects.toMatchObject({
      code: 'TIDINGS_STORE_UNAVAILABLE',
    })
    process.health = 'well'
    await listener.join(process.transport, { group: 'g' })
    await world.runtime.advance(0)
    process.health = 'failing'
    let closed = false
    void process.transport.close().then(() => {
      closed = true
    })
    await world.runtime.advance(2_000)
    expect(closed).toBe(true)
    expect(listener.told).toEqual(['assigned 0,1,2,3,4,5,6,7', 'revoked 0,1,2,3,4,5,6,7'])
    expect(world.runtime.pending).toBe(0)
  })

  it('takes what it claimed although no answer came, and frees what it does not know it has', async () => {
    const world = logWorld(19)
    const process = world.process({ lease })
    const listener = await new Listener(new Books()).join(process.transport, { group: 'g' })
    await world.runtime.advance(0)
    const second = world.process({ lease })
    second.health = 'unsure'
    const late = new Listener(listener.books)
    await expect(late.join(second.transport, { group: 'g' })).rejects.toMatchObject({ code: 'TIDINGS_COMMIT_UNKNOWN' })
    second.health = 'well'
    await late.join(second.transport, { group: 'g' })
    second.health = 'unsure'
    await world.runtime.advance(2 * lease)
    // Every commit of the second one is applied, none is answered: it still learns what it owns.
    expect(sizes([listener, late])).toEqual([4, 4])
    second.health = 'well'
    await late.consumer?.close()
    await world.runtime.advance(lease / 3)
    expect(listener.owned.size).toBe(8)
    expect([...listener.problems, ...late.problems]).toEqual([])
  })

  it('forgets instances that nobody has renewed for long', async () => {
    const { world, processes } = await group(17, 2)
    ;(processes[1] as Process).health = 'dead'
    await world.runtime.advance(12 * lease)
    expect(await world.store.find('instances')).toHaveLength(1)
  })

  // Processes come, go, crash, stall and find their store failing, at random, under load.
  it.each(Array.from({ length: 12 }, (_, at) => at + 500))(
    'handles every event once and in order through random trouble (seed %i)',
    async (seed) => {
      const random = mulberry32(seed)
      const pick = (below: number): number => Math.floor(random() * below)
      const { world, books, listeners, processes, join } = await group(seed, 1)
      const load = loaded(world)
      for (let step = 0; step < 60; step++) {
        const at = pick(processes.length)
        const process = processes[at] as Process
        const what = pick(12)
        if (what < 2 && processes.length < 12) {
          const joining = join()
          await world.runtime.advance(1_000)
          await joining
        } else if (what === 2) void process.transport.close()
        else if (what === 3) process.health = 'dead'
        else if (what === 4 && process.health === 'well') process.health = 'hanging'
        else if (what === 5 && process.health === 'well') process.health = pick(2) === 0 ? 'failing' : 'unsure'
        else if (what < 8 && process.health !== 'dead') process.health = 'well'
        else if (what === 8) world.runtime.jump(pick(7_200_000) - 3_600_000)
        else if (what === 9) (listeners[at] as Listener).slow = () => sleep(world.runtime, pick(8_000))
        await world.runtime.advance(pick(4_000))
      }
      for (const process of processes) if (process.health !== 'dead') process.health = 'well'
      await world.runtime.advance(10_000)
      await join()
      await load.stop()
      await world.runtime.advance(60_000)
      const living = listeners.filter((_, at) => processes[at]?.health === 'well')
      expect(all(living)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
      expect(listeners.flatMap(({ problems }) => problems)).toEqual([])
      expect(books.handled).toEqual(await logged(world.store))
    },
  )
})

interface Group {
  readonly world: World
  readonly books: Books
  readonly processes: Process[]
  readonly listeners: Listener[]
  /** One more process joins. */
  readonly join: () => Promise<Listener>
}

async function group(
  seed: number,
  members: number,
  options: { exclusive?: boolean } = {},
  partitions = 8,
): Promise<Group> {
  const world = logWorld(seed, partitions)
  const books = new Books(partitions)
  const processes: Process[] = []
  const listeners: Listener[] = []
  const join = (): Promise<Listener> => {
    const process = world.process({ lease, window: 64, page: 16 })
    const listener = new Listener(books)
    listener.reach = process.reach
    processes.push(process)
    listeners.push(listener)
    return listener.join(process.transport, { group: 'g', ...options })
  }
  for (let at = 0; at < members; at++) await join()
  return { world, books, processes, listeners, join }
}

/** Appends a few events every 70 ms. */
function loaded(world: World): { stop(): Promise<void> } {
  let stopped = false
  const tick = (): void => {
    if (stopped) return
    void world.append(3)
    world.runtime.setTimer(70, tick)
  }
  tick()
  return {
    async stop() {
      stopped = true
      await world.runtime.advance(100)
    },
  }
}

function first(listeners: readonly Listener[]): Listener {
  return listeners[0] as Listener
}

function sizes(listeners: readonly Listener[]): number[] {
  return listeners.map(({ owned }) => owned.size).toSorted((a, b) => a - b)
}

function all(listeners: readonly Listener[]): number[] {
  return listeners.flatMap(({ owned }) => [...owned]).toSorted((a, b) => a - b)
}
