/** Most characters of one part, well below what any transport carries. */
const largest = 60_000

/**
 * Splits what a service holds of somebody into texts that travel as one event each: JSON objects of tables, whose rows are put together again in order.
 * Always at least one, so that a service that holds nothing says so. A row is never split.
 */
export function dataParts(
  tables: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>,
): readonly string[] {
  const parts: string[] = []
  let open: Record<string, unknown[]> = {}
  let size = 0
  for (const [table, rows] of Object.entries(tables)) {
    open[table] ??= []
    for (const row of rows) {
      const length = JSON.stringify(row).length
      if (size > 0 && size + length > largest) {
        parts.push(JSON.stringify(open))
        open = { [table]: [] }
        size = 0
      }
      ;(open[table] ??= []).push(row)
      size += length
    }
  }
  parts.push(JSON.stringify(open))
  return parts
}
