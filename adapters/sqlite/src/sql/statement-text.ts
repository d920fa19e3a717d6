/** What a statement's text says of itself before SQLite reads it. */
export interface StatementText {
  /** In lower case; empty where there is none. */
  readonly firstWord: string
  /** How many places for values it has. */
  readonly places: number
  /** Whether it has places that are not plain question marks. */
  readonly named: boolean
  /** Whether something follows the first statement. SQLite would drop it without a word. */
  readonly more: boolean
}

// Comments, texts and quoted names are tokens, so that nothing inside them is taken for SQL. Unclosed ones reach to the end.
const token =
  /\s+|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|`(?:[^`]|``)*(?:`|$)|\[[^\]]*(?:\]|$)|[\p{L}_][\p{L}\p{N}_$]*|\d[\w.]*|\?\d*|[:@#$][\p{L}\p{N}_]+|[\s\S]/gu

const blank = /^(?:\s|--|\/\*|\ufeff)/

export function scanStatement(text: string): StatementText {
  let words = ''
  let places = 0
  let named = false
  let ended = false
  let more = false
  for (const [found] of text.matchAll(token)) {
    if (blank.test(found)) continue
    if (found === ';') {
      // The body of a trigger is made of statements.
      ended ||= words !== '' && !/^create (?:temp |temporary )?trigger /.test(words)
      continue
    }
    if (ended) more = true
    if (words.length < 60) words += `${found.toLowerCase()} `
    if (found === '?') places++
    else if (/^[?:@#$]./.test(found)) named = true
  }
  return { firstWord: words.slice(0, words.indexOf(' ')), places, named, more }
}
