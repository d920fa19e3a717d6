/** What a statement's text says of itself before PostgreSQL reads it. */
export interface StatementText {
  /** In lower case; empty where there is none. */
  readonly firstWord: string
  /** How often it names a place, `$1`, `$2`, …, apart from texts, names and comments. */
  readonly places: number
}

// Comments, texts and quoted names are tokens, so that nothing inside them is taken for SQL. Unclosed ones reach to the end.
const token =
  /\s+|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|[eE]'(?:[^'\\]|''|\\[\s\S])*(?:'|$)|'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|(\$(?:[\p{L}_][\p{L}\p{N}_]*)?\$)[\s\S]*?(?:\1|$)|\$\d+|[\p{L}_][\p{L}\p{N}_$]*|\d[\w.]*|[\s\S]/gu

const blank = /^(?:\s|--|\/\*|\ufeff)/

export function scanStatement(text: string): StatementText {
  let firstWord = ''
  let places = 0
  for (const [found] of text.matchAll(token)) {
    if (isSkipped(found)) continue
    if (firstWord === '') firstWord = found.toLowerCase()
    if (/^\$\d+$/.test(found)) places++
  }
  return { firstWord, places }
}

/** The same word, without a look at what comes after it. */
export function firstWordOf(text: string): string {
  for (const [found] of text.matchAll(token)) if (!isSkipped(found)) return found.toLowerCase()
  return ''
}

function isSkipped(found: string): boolean {
  return blank.test(found) || found === ';' || found === '('
}
