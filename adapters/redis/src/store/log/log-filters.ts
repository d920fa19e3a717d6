import type { LogQuery, StoredEvent } from 'tidings/spi'

/** Filters of which nothing can match. */
export function isEmptyQuery({ types, categories, partitions }: LogQuery): boolean {
  return types?.length === 0 || categories?.length === 0 || partitions?.length === 0
}

/** The filters of a query as the scan script reads them; empty: everything matches. */
export function scanFilters(query: Omit<LogQuery, 'after' | 'limit' | 'upTo'>, partitions: number): string[] {
  const filters: string[] = []
  const chosen = query.partitions === undefined ? undefined : new Set(query.partitions)
  if (chosen !== undefined && !everyPartition(chosen, partitions))
    for (const partition of chosen) filters.push('partition', String(partition))
  for (const type of query.types ?? []) filters.push('type', type)
  for (const category of query.categories ?? []) filters.push('category', category)
  if (query.tenant !== undefined) filters.push('tenant', query.tenant)
  if (query.from !== undefined) filters.push('from', String(query.from))
  if (query.to !== undefined) filters.push('to', String(query.to))
  if (query.correlation !== undefined) filters.push('correlation', JSON.stringify(query.correlation))
  if (query.causation === '') filters.push('lacks', '"causationid":')
  else if (query.causation !== undefined) filters.push('holds', `"causationid":${JSON.stringify(query.causation)}`)
  return filters
}

function everyPartition(chosen: ReadonlySet<number>, partitions: number): boolean {
  for (let partition = 0; partition < partitions; partition++) if (!chosen.has(partition)) return false
  return true
}

/** Whether an event matches for certain. */
export function matches(stored: StoredEvent, query: Omit<LogQuery, 'after' | 'limit' | 'upTo'>): boolean {
  const { record } = stored
  return (
    (query.partitions === undefined || query.partitions.includes(stored.partition)) &&
    (query.types === undefined || query.types.includes(record.type)) &&
    (query.categories === undefined || query.categories.includes(record.category)) &&
    (query.tenant === undefined || record.tenant === query.tenant) &&
    (query.correlation === undefined || record.correlation === query.correlation) &&
    (query.causation === undefined || record.causation === query.causation) &&
    (query.id === undefined || record.id === query.id) &&
    (query.from === undefined || record.time >= query.from) &&
    (query.to === undefined || record.time < query.to)
  )
}
