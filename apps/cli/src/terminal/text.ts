import { safeText } from './safe-text.ts'

const styles = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34, magenta: 35, cyan: 36 } as const

export type Style = keyof typeof styles

/** Text that is fit for a terminal. Only made by functions that neutralise what they are given, so none can be forgotten. */
export class Text {
  readonly #parts: readonly { readonly text: string; readonly style: Style | undefined }[]

  private constructor(parts: readonly { readonly text: string; readonly style: Style | undefined }[]) {
    this.#parts = parts
  }

  static of(value: unknown, style?: Style): Text {
    return new Text([{ text: safeText(String(value)), style }])
  }

  static join(parts: readonly Text[]): Text {
    return new Text(parts.flatMap((part) => part.#parts))
  }

  /** How many places it takes; wide characters count as one. */
  get width(): number {
    return this.plain.length
  }

  get plain(): string {
    return this.#parts.map(({ text }) => text).join('')
  }

  /** Cut to a width, with `…` where something is missing. */
  cut(width: number): Text {
    if (this.width <= width) return this
    let left = Math.max(0, width - 1)
    const parts: { text: string; style: Style | undefined }[] = []
    for (const { text, style } of this.#parts) {
      if (left === 0) break
      const kept = text.slice(0, left)
      // Half a surrogate pair is nothing to show.
      parts.push({ text: kept.isWellFormed() ? kept : kept.slice(0, -1), style })
      left -= kept.length
    }
    return new Text([...parts, { text: '…', style: undefined }])
  }

  padded(width: number, side: 'left' | 'right' = 'left'): Text {
    const fill = new Text([{ text: ' '.repeat(Math.max(0, width - this.width)), style: undefined }])
    return side === 'left' ? Text.join([this, fill]) : Text.join([fill, this])
  }

  render(colours: boolean): string {
    return this.#parts
      .map(({ text, style }) =>
        colours && style !== undefined && text !== '' ? `\x1b[${styles[style]}m${text}\x1b[0m` : text,
      )
      .join('')
  }
}

/** Template tag: what is put in is neutralised unless it is a `Text` already. */
export function line(strings: TemplateStringsArray, ...values: readonly unknown[]): Text {
  const parts: Text[] = []
  strings.forEach((text, at) => {
    if (text !== '') parts.push(Text.of(text))
    if (at >= values.length) return
    const value = values[at]
    parts.push(value instanceof Text ? value : Text.of(value))
  })
  return Text.join(parts)
}

export const bold = (value: unknown): Text => Text.of(value, 'bold')
export const dim = (value: unknown): Text => Text.of(value, 'dim')
export const red = (value: unknown): Text => Text.of(value, 'red')
export const green = (value: unknown): Text => Text.of(value, 'green')
export const yellow = (value: unknown): Text => Text.of(value, 'yellow')
export const cyan = (value: unknown): Text => Text.of(value, 'cyan')
export const magenta = (value: unknown): Text => Text.of(value, 'magenta')

/** Text of several lines as one `Text` a line. */
export function safeLines(text: string): Text[] {
  return text.split('\n').map((part) => Text.of(part))
}
