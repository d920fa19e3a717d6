import { fileURLToPath } from 'node:url'

import { TidingsError } from 'tidings/spi'

export type SqliteDurability = 'full' | 'normal' | 'off'

export interface SqliteOptions {
  /** Fixed share count of a new file, 1 to 1,024; default 8. An existing file keeps its own: asking for another is an error. */
  readonly partitions?: number
  /**
   * What an acknowledged commit survives. `full` (default): power loss. `normal`: the death of the process, while power loss
   * may take the last commits. `off`: the same, and power loss may destroy the file.
   */
  readonly durability?: SqliteDurability
  /** Milliseconds to keep trying while another process writes; default 10,000. Then TIDINGS_STORE_UNAVAILABLE. */
  readonly busyTimeout?: number
  /** Milliseconds between two looks for commits of other processes while somebody watches; default 20. Larger means later wakes. */
  readonly poll?: number
  /** Largest size of the file in bytes; beyond it commits reject with TIDINGS_STORE_FULL. Default: what the disk holds. */
  readonly maxBytes?: number
}

/** The options with their defaults. */
export interface SqliteSettings {
  /** A path, or `:memory:`. */
  readonly path: string
  readonly partitions: number | undefined
  readonly durability: SqliteDurability
  readonly busyTimeout: number
  readonly poll: number
  readonly maxBytes: number | undefined
}

const durabilities: readonly SqliteDurability[] = ['full', 'normal', 'off']

/** Throws TIDINGS_INVALID_OPTION naming every mistake at once. */
export function settingsOf(pathOrUrl: string, options: SqliteOptions): SqliteSettings {
  const named = parse(pathOrUrl)
  const asked = { ...named.options, ...options }
  const settings: SqliteSettings = {
    path: named.path,
    partitions: asked.partitions,
    durability: asked.durability ?? 'full',
    busyTimeout: asked.busyTimeout ?? 10_000,
    poll: asked.poll ?? 20,
    maxBytes: asked.maxBytes,
  }
  const mistakes = mistakesIn(settings).concat(named.mistakes)
  if (mistakes.length > 0) {
    throw new TidingsError('TIDINGS_INVALID_OPTION', `Cannot open SQLite: ${mistakes.join(' ')}`, {
      details: { field: 'sqlite', mistakes },
    })
  }
  return settings
}

interface Named {
  readonly path: string
  readonly options: SqliteOptions
  readonly mistakes: readonly string[]
}

/** `sqlite:./file.db`, `sqlite:/abs/file.db`, `sqlite:///abs/file.db`, `sqlite::memory:`, each with `?durability=…`; else a path. */
function parse(pathOrUrl: string): Named {
  if (pathOrUrl.startsWith('file:')) return { path: fileURLToPath(pathOrUrl), options: {}, mistakes: [] }
  if (!pathOrUrl.startsWith('sqlite:')) return { path: pathOrUrl, options: {}, mistakes: [] }
  const [place = '', query = ''] = pathOrUrl.slice('sqlite:'.length).split(/\?(.*)/s)
  const mistakes: string[] = []
  const options: Record<string, unknown> = {}
  for (const [name, value] of new URLSearchParams(query)) {
    if (name === 'durability') options[name] = value
    else if (name === 'partitions' || name === 'busyTimeout' || name === 'poll' || name === 'maxBytes')
      options[name] = Number(value)
    else mistakes.push(`The URL names an option that does not exist, \`${name}\`.`)
  }
  return { path: decode(place.replace(/^\/\//, ''), mistakes), options, mistakes }
}

function decode(place: string, mistakes: string[]): string {
  try {
    return decodeURIComponent(place)
  } catch {
    mistakes.push('The URL has a percent sign that encodes nothing; write it as %25.')
    return place
  }
}

function mistakesIn(settings: SqliteSettings): string[] {
  const mistakes: string[] = []
  const expect = (fine: boolean, rule: string): void => {
    if (!fine) mistakes.push(`Expected ${rule}.`)
  }
  const { path, partitions, durability, busyTimeout, poll, maxBytes } = settings
  expect(path !== '' && !path.includes('\0'), '`path` to be a path or :memory:')
  expect(partitions === undefined || whole(partitions, 1, 1_024), '`partitions` to be a whole number from 1 to 1,024')
  expect(durabilities.includes(durability), `\`durability\` to be one of ${durabilities.join(', ')}`)
  expect(whole(busyTimeout, 0, 3_600_000), '`busyTimeout` to be whole milliseconds from 0 to 3,600,000')
  expect(whole(poll, 1, 60_000), '`poll` to be whole milliseconds from 1 to 60,000')
  expect(
    maxBytes === undefined || whole(maxBytes, 65_536, Number.MAX_SAFE_INTEGER),
    '`maxBytes` to be a whole number from 65,536',
  )
  return mistakes
}

function whole(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most
}
