export interface Row {
  readonly server: string
  readonly state: string
  readonly url?: string
  readonly note?: string
}

/** Columns as wide as their widest word; the last one is not filled up. */
export function statusTable(rows: readonly Row[]): string {
  const cells = rows.map(({ server, state, url = '', note = '' }) => [server, state, url, note])
  const widths = [0, 1, 2].map((column) => Math.max(...cells.map((row) => (row[column] as string).length)))
  return cells
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
