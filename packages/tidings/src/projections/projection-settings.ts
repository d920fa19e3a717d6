import { hash } from 'node:crypto'

import type { AnyEventDefinition } from '../events/define-event.ts'
import type { Event } from '../events/event.ts'
import { milliseconds } from '../kernel/duration.ts'
import { Mistakes } from '../kernel/mistakes.ts'
import { renderSql } from '../store/sql.ts'
import type { Statement } from '../store/store.ts'
import { subscriptionSettings } from '../subscriber/subscribe-options.ts'
import type {
  Collections,
  ProjectionContext,
  ProjectionHandler,
  ProjectionOn,
  ProjectionOptions,
} from './define-projection.ts'

type Options = ProjectionOptions<string, Collections>

/** A projection's options with every default filled in, times in milliseconds. */
export interface ProjectionSettings {
  readonly name: string
  readonly version: number
  readonly tables: Readonly<Record<string, Statement>>
  readonly indexes: Readonly<Record<string, readonly Statement[]>>
  readonly documents: Collections
  readonly definitions: readonly AnyEventDefinition[]
  /** By type of event. */
  readonly handlers: ReadonlyMap<string, (event: Event<never>, context: ProjectionContext) => unknown>
  readonly order: 'stream' | 'all'
  readonly mode: 'asynchronous' | 'same-commit'
  readonly onPoison: 'park' | 'skip' | 'halt'
  readonly retry: Options['retry']
  readonly window: number
  readonly switch: 'auto' | 'manual'
  readonly check: Options['check']
  readonly keep: number
  readonly forget: Options['forget']
  /** Whether a rebuild may lack events that have left the log. */
  readonly lossy: boolean
  /** Equal for definitions that hear the same and write to the same; what a version may not change. */
  readonly shape: string
}

const optionNames: Readonly<Record<keyof Options, true>> = {
  version: true,
  tables: true,
  indexes: true,
  documents: true,
  on: true,
  order: true,
  mode: true,
  onPoison: true,
  retry: true,
  window: true,
  switch: true,
  check: true,
  keep: true,
  forget: true,
  lossy: true,
}

const projectionName = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$/

/** Names of tables, views and collections: what needs no quotes anywhere. */
const simpleName = /^[a-z][a-z0-9_]{0,39}$/

/** Throws one `TIDINGS_INVALID_OPTION` that names every mistake. */
export function projectionSettings(
  name: string,
  options: Options,
  on: ProjectionOn<string, Collections>,
): ProjectionSettings {
  const mistakes = new Mistakes()
  mistakes.refuseUnknown(options, optionNames)
  mistakes.expect(
    typeof name === 'string' && projectionName.test(name),
    '`name` to be 1 to 80 letters, digits, `_`, `.` or `-`',
    name,
  )
  const { version, tables = {}, indexes = {}, documents = {} } = options
  mistakes.expect(
    Number.isSafeInteger(version) && version >= 1 && version <= 1_000_000,
    '`version` to be a whole number from 1 to 1,000,000',
    version,
  )
  checkTables(mistakes, tables, indexes)
  for (const [key, collection] of Object.entries(documents)) {
    mistakes.expect(simpleName.test(key), `the collection ${JSON.stringify(key)} to be named ${nameRule}`)
    mistakes.expect(
      typeof collection === 'object' && (collection.index === undefined || typeof collection.index === 'function'),
      `\`documents.${key}\` to be made by \`documents()\``,
      collection,
    )
  }
  mistakes.expect(
    Object.keys(tables).length + Object.keys(documents).length > 0,
    '`tables` or `documents` to name at least one',
  )
  const { definitions, handlers } = readHandlers(
    mistakes,
    typeof options.on === 'function' ? options.on(on) : options.on,
  )
  const { window = 2_000, order = 'stream', mode = 'asynchronous', switch: switching = 'auto' } = options
  mistakes.expect(
    Number.isSafeInteger(window) && window >= 1 && window <= 10_000,
    '`window` to be a whole number from 1 to 10,000',
    window,
  )
  mistakes.expect(['stream', 'all'].includes(order), "`order` to be one of 'stream', 'all'", order)
  mistakes.expect(
    ['asynchronous', 'same-commit'].includes(mode),
    "`mode` to be one of 'asynchronous', 'same-commit'",
    mode,
  )
  mistakes.expect(
    mode !== 'same-commit' || order !== 'all',
    "`order` to be 'stream' with `mode: 'same-commit'`: publishers of several streams do not wait for each other",
    order,
  )
  mistakes.expect(['auto', 'manual'].includes(switching), "`switch` to be one of 'auto', 'manual'", switching)
  for (const field of ['check', 'forget'] as const)
    mistakes.expect(
      options[field] === undefined || typeof options[field] === 'function',
      `\`${field}\` to be a function`,
      options[field],
    )
  const keep = mistakes.read(() => milliseconds(options.keep ?? '1d', 'keep'), 0)
  const short = definitions.filter(({ retention }) => retention !== undefined && Number.isFinite(retention))
  mistakes.expect(
    short.length === 0 || options.lossy === true,
    `events that stay in the log, or \`lossy: true\`: ${short.map(({ type }) => type).join(', ')} leave it by their retention, and a rebuild would lack them`,
  )
  // What a subscription says of its own options.
  const { onPoison = 'park', retry } = options
  mistakes.read(
    () =>
      void subscriptionSettings({
        name: 'projection',
        onPoison,
        ...(retry === undefined ? {} : { retry }),
      }),
    undefined,
  )
  mistakes.throwAny(`Cannot define the projection ${JSON.stringify(String(name).slice(0, 80))}`, { name })
  return {
    name,
    version,
    tables,
    indexes: indexes as ProjectionSettings['indexes'],
    documents,
    definitions,
    handlers,
    order,
    mode,
    onPoison,
    retry,
    window,
    switch: switching,
    check: options.check,
    keep,
    forget: options.forget,
    lossy: options.lossy === true,
    shape: shapeOf(tables, indexes as ProjectionSettings['indexes'], documents, definitions, order, mode),
  }
}

const nameRule = 'by 1 to 40 lower-case letters, digits and `_`, a letter first'

function checkTables(
  mistakes: Mistakes,
  tables: Options['tables'] & object,
  indexes: Options['indexes'] & object,
): void {
  for (const [key, columns] of Object.entries(tables)) {
    mistakes.expect(
      simpleName.test(key) && !key.startsWith('tidings_'),
      `the table ${JSON.stringify(key)} to be named ${nameRule}, and not to begin with tidings_`,
    )
    mistakes.expect(
      isPlain(columns) && columns.text[0]?.trimStart().startsWith('(') === true,
      `\`tables.${key}\` to be columns in parentheses, made by \`sql\` without values`,
    )
  }
  for (const [key, list] of Object.entries(indexes)) {
    mistakes.expect(Object.hasOwn(tables, key), `\`indexes.${key}\` to be of one of the tables`)
    mistakes.expect(
      Array.isArray(list) && list.every((one) => isPlain(one) && one.text[0]?.trimStart().startsWith('(') === true),
      `\`indexes.${key}\` to be a list of columns in parentheses, made by \`sql\` without values`,
    )
  }
}

function isPlain(statement: unknown): statement is Statement {
  return (
    typeof statement === 'object' &&
    statement !== null &&
    Array.isArray((statement as Statement).text) &&
    Array.isArray((statement as Statement).values) &&
    (statement as Statement).values.length === 0
  )
}

function readHandlers(mistakes: Mistakes, on: unknown): Pick<ProjectionSettings, 'definitions' | 'handlers'> {
  const definitions: AnyEventDefinition[] = []
  const handlers = new Map<string, (event: Event<never>, context: ProjectionContext) => unknown>()
  mistakes.expect(
    Array.isArray(on) && on.length > 0,
    '`on` to be a function that answers a list of what it is given makes, at least one',
    on,
  )
  for (const handler of Array.isArray(on) ? (on as readonly ProjectionHandler[]) : []) {
    const fine = typeof handler?.apply === 'function' && Array.isArray(handler.definitions)
    mistakes.expect(fine, '`on` to hold what `on()` makes', handler)
    for (const definition of fine ? handler.definitions : []) {
      const type: unknown = definition?.type
      mistakes.expect(typeof type === 'string', 'definitions of events in `on()`', definition)
      if (typeof type !== 'string') continue
      mistakes.expect(!handlers.has(type), `each type of event once, ${type} is there twice`)
      handlers.set(type, handler.apply)
      definitions.push(definition)
    }
  }
  return { definitions, handlers }
}

function shapeOf(
  tables: ProjectionSettings['tables'],
  indexes: ProjectionSettings['indexes'],
  documents: Collections,
  definitions: readonly AnyEventDefinition[],
  order: string,
  mode: string,
): string {
  const text = (statement: Statement): string =>
    renderSql(statement, () => '?')
      .replace(/\s+/g, ' ')
      .trim()
  const sorted = <Value>(all: Readonly<Record<string, Value>>): [string, Value][] =>
    Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1))
  const shape = {
    tables: sorted(tables).map(([key, columns]) => [key, text(columns)]),
    indexes: sorted(indexes).map(([key, list]) => [key, list.map(text)]),
    documents: Object.keys(documents).sort(),
    types: definitions.map(({ type }) => type).sort(),
    order,
    // Processes that do not know of marks must not feed what has them.
    ...(mode === 'same-commit' ? { mode } : {}),
  }
  return hash('sha256', JSON.stringify(shape), 'base64url').slice(0, 16)
}
