import type { Step } from './syscall-record.ts'

/** The files of a folder as they are found after the power came back, by path. */
export type Files = ReadonlyMap<string, Buffer>

/**
 * What a disk may make of everything that was not synchronised when the power went. `lost`: nothing of it arrived. `torn`: some of it did, in
 * any order, and of some of it only sectors. `kept`: all of it, as when only the process died.
 */
export type Fate = 'lost' | 'torn' | 'kept'

type Change = Extract<Step, { kind: 'write' | 'truncate' }>

/** Bytes that grow in place. */
interface Content {
  room: Buffer
  size: number
}

interface File {
  readonly durable: Content
  /** Whether the folder knows it durably. */
  named: boolean
  unsynced: Change[]
}

const sector = 512

/** A disk with a cache that forgets: plays recorded steps and tells what is left when the power goes between two of them. */
export class Disk {
  readonly #files = new Map<string, File>()
  /** Removed files that would come back with the power, since the folder was not synchronised. */
  readonly #ghosts = new Map<string, File>()

  play(step: Step): void {
    switch (step.kind) {
      case 'create':
        this.#files.set(step.path, { durable: { room: Buffer.alloc(0), size: 0 }, named: false, unsynced: [] })
        break
      case 'remove': {
        const file = this.#of(step.path)
        this.#files.delete(step.path)
        if (file.named) this.#ghosts.set(step.path, file)
        break
      }
      case 'write':
      case 'truncate':
        this.#of(step.path).unsynced.push(step)
        break
      case 'sync': {
        const file = this.#of(step.path)
        for (const change of file.unsynced) apply(file.durable, change)
        file.unsynced = []
        break
      }
      case 'sync-folder':
        for (const file of this.#files.values()) file.named = true
        this.#ghosts.clear()
        break
      case 'said':
    }
  }

  /** Whether this file has changes that a power cut may take. */
  isDirty(path: string): boolean {
    return (this.#files.get(path)?.unsynced.length ?? 0) > 0
  }

  cut(fate: Fate, random: () => number): Files {
    const left = new Map<string, Buffer>()
    const arrives = (): boolean => fate === 'kept' || (fate === 'torn' && random() < 0.5)
    for (const [path, file] of this.#ghosts) if (!arrives()) left.set(path, survived(file, fate, random))
    for (const [path, file] of this.#files) if (file.named || arrives()) left.set(path, survived(file, fate, random))
    return left
  }

  #of(path: string): File {
    const file = this.#files.get(path)
    if (file === undefined) throw new Error(`A step speaks of ${path}, which was never created.`)
    return file
  }
}

function survived({ durable, unsynced }: File, fate: Fate, random: () => number): Buffer {
  const content: Content = { room: Buffer.from(durable.room.subarray(0, durable.size)), size: durable.size }
  if (fate !== 'lost') {
    for (const change of unsynced) {
      const luck = fate === 'kept' ? 0 : random()
      if (luck < 0.4) apply(content, change)
      else if (luck < 0.7 && change.kind === 'write') for (const piece of pieces(change, random)) apply(content, piece)
    }
  }
  return content.room.subarray(0, content.size)
}

/** The sectors of a write that arrived. */
function pieces(change: Extract<Change, { kind: 'write' }>, random: () => number): Change[] {
  const arrived: Change[] = []
  for (let at = 0; at < change.bytes.length; ) {
    const end = Math.min(change.bytes.length, at + sector - ((change.offset + at) % sector))
    if (random() < 0.5) arrived.push({ ...change, offset: change.offset + at, bytes: change.bytes.subarray(at, end) })
    at = end
  }
  return arrived
}

function apply(content: Content, change: Change): void {
  const size = change.kind === 'truncate' ? change.size : Math.max(content.size, change.offset + change.bytes.length)
  if (size > content.room.length) {
    const larger = Buffer.alloc(size * 2)
    content.room.copy(larger, 0, 0, content.size)
    content.room = larger
  }
  // What a file grows by without being written reads as zeros.
  if (size > content.size) content.room.fill(0, content.size, size)
  content.size = size
  if (change.kind === 'write') change.bytes.copy(content.room, change.offset)
}
