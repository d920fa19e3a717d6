/**
 * Characters that a terminal acts upon or that make text read as something else: control characters (escape sequences begin with them), unpaired
 * surrogates, and those that change the direction of what follows.
 */
const unsafe = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

/** The text as it may be shown: what a terminal would act upon is written out, such as `\x1b`. */
export function safeText(text: string): string {
  return text.replace(unsafe, (found) => {
    const code = found.codePointAt(0) as number
    return names.get(code) ?? (code < 0x100 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`)
  })
}

/** JSON text as it may be shown: the same values, with all of these characters as escapes. */
export function safeJson(json: string): string {
  // JSON text holds them inside strings alone, where an escape reads back the same.
  return json.replace(unsafe, (found) => `\\u${hex(found.codePointAt(0) as number, 4)}`)
}

const names = new Map([
  [0x09, '\\t'],
  [0x0a, '\\n'],
  [0x0d, '\\r'],
])

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0')
}
