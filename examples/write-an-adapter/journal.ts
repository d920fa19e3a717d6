import { type FileHandle, open, readFile, truncate } from 'node:fs/promises'

import type { EventRecord, PruneQuery, Unit } from 'tidings/spi'

/** One line of the journal: what somebody asked the store to do. */
export type Entry = { readonly units: readonly Unit[] } | { readonly prune: PruneQuery }

/** The whole entries of a journal. What a crash has left of a last line was never acknowledged, and is cut off. */
export async function readJournal(path: string): Promise<Entry[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  if (whole.length < text.length) await truncate(path, Buffer.byteLength(whole))
  return whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line, reviveBytes) as Entry)
}

export function openJournal(path: string): Promise<FileHandle> {
  return open(path, 'a')
}

/** Written, and on disk, when it resolves. */
export async function append(journal: FileHandle, entry: Entry): Promise<void> {
  const plain = 'units' in entry ? { units: entry.units.map(plainUnit) } : entry
  await journal.write(`${JSON.stringify(plain, replaceBytes)}\n`)
  await journal.datasync()
}

/** Records may be lazy, and may carry the very event they were made from; a file wants their fields. */
function plainUnit(unit: Unit): Unit {
  return unit.append === undefined ? unit : { ...unit, append: unit.append.map(plainRecord) }
}

function plainRecord(record: EventRecord): EventRecord {
  const { id, source, type, version, category, key, tenant, time, priority } = record
  const { correlation, causation, context, data, encoding, checksum, seal } = record
  return {
    id,
    source,
    type,
    version,
    category,
    key,
    tenant,
    time,
    priority,
    correlation,
    causation,
    context,
    data,
    encoding,
    checksum,
    seal,
  }
}

function replaceBytes(_name: string, value: unknown): unknown {
  return value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : value
}

function reviveBytes(_name: string, value: unknown): unknown {
  const bytes = (value as { base64?: unknown } | null)?.base64
  return typeof bytes === 'string' ? new Uint8Array(Buffer.from(bytes, 'base64')) : value
}
