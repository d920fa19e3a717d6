import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'

import { TidingsError } from '../kernel/errors.ts'
import type { PayloadStore } from '../payloads/payload-store.ts'

export interface FilePayloads extends PayloadStore {
  /** Removes what was last kept before this time (milliseconds since 1970); answers how many. Keep longer than the events that name it. */
  sweep(before: number): Promise<number>
}

const name = /^[A-Za-z0-9_-]{43}$/

/** Files of this folder: payloads, drafts of them, and those that a sweep has laid aside. */
const ours = /^[A-Za-z0-9_-]{43}(?:\..+)?$/

const aside = '.swept'

/** Large data as files of a folder, which may lie on a disk that several machines share. A payload that was kept is on the disk. */
export function filePayloads(where: string): FilePayloads {
  const folder = resolve(where)
  const parentOf = (id: string): string => {
    // Ids come from events, and events from anywhere.
    if (!name.test(id))
      throw new TidingsError('TIDINGS_INVALID_OPTION', 'Expected `id` to be the name of a payload.', {
        details: { field: 'id' },
      })
    return join(folder, id.slice(0, 2))
  }
  /** Folders whose own names are known to be on the disk. */
  const known = new Set<string>()
  const syncNames = async (parent: string, made?: string): Promise<void> => {
    await syncFolder(parent)
    if (known.has(parent)) return
    // Whoever made it may have died before he had flushed it.
    const top = made === undefined ? folder : dirname(made)
    for (let at = folder; ; at = dirname(at)) {
      await syncFolder(at)
      if (at === top || at === dirname(at)) break
    }
    known.add(parent)
  }
  return {
    async put(id, bytes) {
      const parent = parentOf(id)
      const place = join(parent, id)
      if (await touch(place)) return syncNames(parent)
      const made = await mkdir(parent, { recursive: true })
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
      await syncNames(parent, made)
    },
    async get(id) {
      const parent = parentOf(id)
      const found = await unlessGone(readFile(join(parent, id)))
      if (found !== undefined) return found
      // A sweep may be about to lay it back.
      const names = (await unlessGone(readdir(parent))) ?? []
      const laid = names.find((one) => one.startsWith(`${id}.`) && one.endsWith(aside))
      if (laid === undefined) return undefined
      return (await unlessGone(readFile(join(parent, laid)))) ?? unlessGone(readFile(join(parent, id)))
    },
    async sweep(before) {
      let removed = 0
      for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
        if (entry.isFile() && ours.test(entry.name) && (await sweepOne(entry.parentPath, entry.name, before))) removed++
      return removed
    },
  }
}

/** Makes a payload young, and answers whether it is there. Asked after it was touched, so that no sweep removes what was found. */
async function touch(place: string): Promise<boolean> {
  const now = new Date()
  const file = await unlessGone(utimes(place, now, now).then(() => open(place, 'r+')))
  if (file === undefined) return false
  try {
    await file.sync()
  } finally {
    await file.close()
  }
  return true
}

/** Laid aside first and looked at again: it may have been kept once more since it was found to be old. */
async function sweepOne(parent: string, file: string, before: number): Promise<boolean> {
  const place = join(parent, file)
  const payload = join(parent, file.slice(0, 43))
  const isOld = async (path: string): Promise<boolean | undefined> => {
    const found = await unlessGone(stat(path))
    return found && found.mtimeMs < before
  }
  const layBack = async (path: string): Promise<false> => {
    await unlessGone(rename(path, payload))
    await syncFolder(parent)
    return false
  }
  const old = await isOld(place)
  if (old === undefined) return false
  // Somebody has died who had laid it aside.
  if (!old) return file.endsWith(aside) ? layBack(place) : false
  if (place !== payload) return remove(place)
  const laid = `${place}.${randomUUID()}${aside}`
  if ((await unlessGone(rename(place, laid).then(() => true))) === undefined) return false
  return (await isOld(laid)) === false ? layBack(laid) : remove(laid)
}

async function remove(place: string): Promise<boolean> {
  return (await unlessGone(rm(place).then(() => true))) ?? false
}

/** Undefined where there is no such file, which somebody else may have taken away. */
async function unlessGone<Answer>(asked: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await asked
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
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
