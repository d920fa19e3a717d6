import type { Event } from '../events/event.ts'
import { TidingsError } from '../kernel/errors.ts'
import { sql } from '../store/sql.ts'
import type { Statement, Store } from '../store/store.ts'
import type { Attempt } from '../subscriber/attempt.ts'
import type { HandlerContext } from '../subscriber/handler-context.ts'
import type { ProjectionContext } from './define-projection.ts'
import { tableName } from './generation.ts'
import { attemptSink, writableCollections } from './projection-documents.ts'
import type { ProjectionSettings } from './projection-settings.ts'

/** The names of a generation's tables as pieces of SQL: the same objects each time, so that texts made of them are made once. */
export function tableNames(tables: readonly string[], generation: number): Readonly<Record<string, Statement>> {
  return Object.freeze(Object.fromEntries(tables.map((table) => [table, sql.identifier(tableName(table, generation))])))
}

/** The handler of a generation's subscription. */
export function applyTo(
  store: Store,
  settings: ProjectionSettings,
  generation: number,
): (event: Event<unknown>, context: HandlerContext) => unknown {
  const tables = tableNames(Object.keys(settings.tables), generation)
  const { name, handlers, documents } = settings
  const withDocuments = Object.keys(documents).length > 0
  return (event, context) => {
    const apply = handlers.get(event.type)
    if (apply === undefined) return undefined
    return apply(
      event as Event<never>,
      {
        tables,
        write: context.write,
        documents: withDocuments
          ? writableCollections(name, generation, documents, attemptSink(store, context as unknown as Attempt))
          : none,
      } as ProjectionContext,
    )
  }
}

const none = Object.freeze({})

/** For statements where there is no SQL. */
export function refuseSql(name: string): TidingsError {
  return new TidingsError(
    'TIDINGS_NOT_SUPPORTED',
    `The projection ${name} has tables, and this store has no SQL: use SQLite or PostgreSQL, or documents.`,
    { details: { capability: 'sql' } },
  )
}
