import { firstWordOf } from './statement-text.ts'

/** How one statement of several comes to be prepared. */
export interface Prepared {
  /** Under which name; empty: without one, until the next text is parsed without one. */
  readonly name: string
  /** Whether it is parsed now; false: it was before. */
  readonly parse: boolean
}

export interface NamedTexts {
  /** In the order of the texts. */
  readonly prepared: readonly Prepared[]
  /** What was named, and is to be closed in the end. */
  readonly names: readonly string[]
}

/** Most names for the statements of one commit; a server keeps some kilobytes for each. */
const mostNames = 50

/** They change rows, not tables: what was parsed before them means the same after them. */
const rowWords = new Set(['insert', 'update', 'delete', 'merge'])

/**
 * Which texts are parsed, where several run one after the other in one transaction. One that follows itself is parsed once and needs no name. One that comes
 * again after others has a name, unless one of those may have changed a table: then it is parsed anew, since what types its values have is
 * worked out only then.
 */
export function nameTexts(texts: readonly string[]): NamedTexts {
  const again = comingAgain(texts)
  const prepared: Prepared[] = []
  const names: string[] = []
  const known = new Map<string, Prepared>()
  let last: Prepared = once
  for (let at = 0; at < texts.length; at++) {
    const text = texts[at] as string
    const before = at > 0 && text === texts[at - 1] ? last : known.get(text)
    if (before !== undefined) {
      prepared.push((last = before))
      continue
    }
    last = once
    if (again.size > 0 && !rowWords.has(firstWordOf(text))) known.clear()
    else if (again.has(text) && names.length < mostNames) {
      last = { name: `tidings_unit_${names.length + 1}`, parse: false }
      names.push(last.name)
      known.set(text, last)
    }
    prepared.push({ name: last.name, parse: true })
  }
  return { prepared, names }
}

const once: Prepared = { name: '', parse: false }

function comingAgain(texts: readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>()
  const again = new Set<string>()
  for (let at = 0; at < texts.length; at++) {
    const text = texts[at] as string
    if (at > 0 && text === texts[at - 1]) continue
    if (seen.has(text)) again.add(text)
    seen.add(text)
  }
  return again
}
