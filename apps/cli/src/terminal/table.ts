import { bold, line, Text } from './text.ts'

export interface Column {
  readonly title: string
  /** Where numbers stand. */
  readonly right?: boolean
}

/** Rows under their titles, each column as wide as its widest cell; the last one is cut to what the terminal has left. */
export function table(columns: readonly Column[], rows: readonly (readonly Text[])[], width: number): Text[] {
  const widths = columns.map(({ title }, at) => Math.max(title.length, ...rows.map((row) => row[at]?.width ?? 0)))
  const lay = (cells: readonly Text[]): Text => {
    const laid = cells.map((cell, at) => {
      if (columns[at]?.right === true) return cell.padded(widths[at] as number, 'right')
      return at === cells.length - 1 ? cell : cell.padded(widths[at] as number)
    })
    return Text.join(laid.flatMap((cell, at) => (at === 0 ? [cell] : [line`  `, cell]))).cut(width)
  }
  return [lay(columns.map(({ title }) => bold(title))), ...rows.map(lay)]
}
