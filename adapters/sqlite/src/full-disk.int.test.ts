import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, afterEach, describe, expect, it } from 'vitest'

import { cleanUp, open, record } from '../tests/sqlite-world.ts'
import { inspectSqlite } from './index.ts'

afterEach(cleanUp)

// A disk of its own, three megabytes small. Elsewhere the size limit of `commit.test.ts` stands for it.
const disk = mkdtempSync(join(tmpdir(), 'tidings-disk-'))
const mounted = run('mount', '-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', disk)
afterAll(() => {
  if (mounted) run('umount', disk)
  rmSync(disk, { recursive: true, force: true })
})

/** Whether the program is there, may do it, and did. */
function run(program: string, ...args: readonly string[]): boolean {
  return spawnSync(program, args).status === 0
}

describe('a full disk', { skip: !mounted, meta: { notRun: 'mounting a small disk is not permitted here' } }, () => {
  it('fails commits with TIDINGS_STORE_FULL, tears nothing, and is over when space returns, without a restart', async () => {
    const path = join(disk, 'events.db')
    const ballast = join(disk, 'ballast')
    const store = await open(path)
    let acknowledged = 0
    const commit = (): Promise<unknown> => {
      const data = JSON.stringify('x'.repeat(8_000))
      const documents = [{ collection: 'count', id: 'one', put: String(acknowledged + 2) }]
      return store.commit([{ append: [record({ data }), record({ data })], documents }]).then(
        () => void (acknowledged += 2),
        (error: unknown) => error,
      )
    }
    const check = async (): Promise<void> => {
      expect((await store.readAll({ after: 0, limit: 10_000 })).events).toHaveLength(acknowledged)
      expect((await store.find('count'))[0]?.body).toBe(String(acknowledged))
    }
    for (let time = 0; time < 3; time++) {
      expect(await commit()).toBeUndefined()
      const { bavail, bsize } = statfsSync(disk)
      writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - 65_536)))
      let failed: unknown
      while (failed === undefined) failed = await commit()
      expect(failed).toMatchObject({ code: 'TIDINGS_STORE_FULL' })
      expect(await commit()).toMatchObject({ code: 'TIDINGS_STORE_FULL' })
      await check()
      rmSync(ballast)
      expect(await commit()).toBeUndefined()
      await check()
    }
    await store.close()
    expect(await inspectSqlite(path)).toMatchObject({ events: acknowledged, findings: [] })
  })

  it('refuses to open a store where there is no room for one, and opens it later', async () => {
    const ballast = join(disk, 'ballast')
    rmSync(join(disk, 'events.db'), { force: true })
    const { bavail, bsize } = statfsSync(disk)
    writeFileSync(ballast, Buffer.alloc(bavail * bsize))
    const path = join(disk, 'late.db')
    await expect(open(path)).rejects.toMatchObject({ code: 'TIDINGS_STORE_FULL' })
    rmSync(ballast)
    const store = await open(path)
    expect(await store.commit([{ append: [record()] }])).toMatchObject([{ status: 'committed' }])
  })
})
