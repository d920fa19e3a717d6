import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'

import { TidingsError } from '../kernel/errors.ts'
import type { PayloadStore } from '../payloads/payload-store.ts'

export interface FilePayloads extends PayloadStore {
  /** Removes what was last kept before this time (milliseconds since 1970); answers how many. Keep longer than the events that name it. */
  sweep(before: number): Promise<number>
}

const name = /^[A-Za-z0-9_-]{43}$/

/** Large data as files of a folder, which may lie on a disk that several machines share. A payload that was kept is on the disk. */
export function filePayloads(folder: string): FilePayloads {
  const placeOf = (id: string): string => {
    // Ids come from events, and events from anywhere.
    if (!name.test(id))
      throw new TidingsError('TIDINGS_INVALID_OPTION', 'Expected `id` to be the name of a payload.', {
        details: { field: 'id' },
      })
    return join(folder, id.slice(0, 2), id)
  }
  return {
    async put(id, bytes) {
      const place = placeOf(id)
      const now = new Date()
      if (
        await utimes(place, now, now).then(
          () => true,
          () => false,
        )
      )
        return
      const parent = join(folder, id.slice(0, 2))
      await mkdir(parent, { recursive: true })
      const draft = join(parent, `${id}.${randomUUID()}`)
      const file = await open(draft, 'wx')
      try {
        await file.writeFile(bytes)
        await file.sync()
      } finally {
        await file.close()
      }
      // Whole or not at all, whoever writes the same at the same time.
      await rename(draft, place)
      await syncFolder(parent)
    },
    async get(id) {
      try {
        return await readFile(placeOf(id))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
    },
    async sweep(before) {
      let removed = 0
      for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue
        const place = join(entry.parentPath, entry.name)
        const { mtimeMs } = await stat(place)
        if (mtimeMs >= before) continue
        await rm(place, { force: true })
        removed++
      }
      return removed
    },
  }
}

/** A name is durable when its folder is. Where folders cannot be flushed, renaming has to do. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined)
  try {
    await handle?.sync()
  } catch {
    // Some systems refuse it.
  } finally {
    await handle?.close()
  }
}
