/** A fenced block of a page. Lines count from 1 and are those of the fences. */
export interface CodeBlock {
  readonly language: string
  readonly text: string
  readonly from: number
  readonly to: number
  /** What the comment right above it says, such as `snippet: examples/a.ts#b`; undefined where there is none. */
  readonly marker: string | undefined
}

/** Part of a page that a program writes: between `<!-- generated: … -->` and `<!-- end -->`, whose lines these are. */
export interface GeneratedPart {
  readonly says: string
  readonly text: string
  readonly from: number
  readonly to: number
}

const fence = /^( *)(`{3,}|~{3,})\s*([\w-]*)/
const comment = /^ *<!-- ((?:snippet|generated): .+?) -->$/

export function codeBlocks(text: string): CodeBlock[] {
  const lines = text.split('\n')
  const blocks: CodeBlock[] = []
  for (let at = 0; at < lines.length; at++) {
    const open = fence.exec(lines[at] as string)
    if (open === null) continue
    const [, indent = '', ticks = '', language = ''] = open
    let end = at + 1
    while (end < lines.length && !(lines[end] as string).trimStart().startsWith(ticks)) end++
    const body = lines.slice(at + 1, end).map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line))
    blocks.push({ language, text: body.join('\n'), from: at + 1, to: end + 1, marker: markerAbove(lines, at) })
    at = end
  }
  return blocks
}

function markerAbove(lines: readonly string[], at: number): string | undefined {
  let above = at - 1
  while (above >= 0 && (lines[above] as string).trim() === '') above--
  return comment.exec(lines[above] ?? '')?.[1]
}

export function generatedParts(text: string): GeneratedPart[] {
  const lines = text.split('\n')
  const parts: GeneratedPart[] = []
  lines.forEach((line, at) => {
    const says = comment.exec(line)?.[1]
    if (says === undefined || !says.startsWith('generated: ')) return
    const end = lines.findIndex((other, place) => place > at && other.trim() === '<!-- end -->')
    if (end === -1) throw new Error(`Line ${at + 1}: a generated part without <!-- end -->`)
    const body = lines
      .slice(at + 1, end)
      .join('\n')
      .trim()
    parts.push({ says: says.slice('generated: '.length), text: body, from: at + 1, to: end + 1 })
  })
  return parts
}

/** The text with its code blanked out, so that nothing in it is taken for a link or a heading. Lines stay where they are. */
export function withoutCode(text: string): string {
  const lines = text.split('\n')
  for (const { from, to } of codeBlocks(text)) for (let line = from; line <= to; line++) lines[line - 1] = ''
  return lines.join('\n').replaceAll(/`[^`\n]+`/g, (code) => '`'.repeat(code.length))
}

/** Anchors as GitHub makes them of headings, and those that are set by hand. */
export function anchors(text: string): Set<string> {
  const found = new Set<string>()
  const seen = new Map<string, number>()
  const lines = text.split('\n')
  for (const { from, to } of codeBlocks(text)) for (let line = from; line <= to; line++) lines[line - 1] = ''
  for (const line of lines) {
    const heading = /^#{1,6} +(.+?) *#*$/.exec(line)
    if (heading === null) continue
    const slug = slugOf(heading[1] as string)
    const times = seen.get(slug) ?? 0
    seen.set(slug, times + 1)
    found.add(times === 0 ? slug : `${slug}-${times}`)
  }
  for (const [, id] of text.matchAll(/<a (?:id|name)="([^"]+)"/g)) found.add(id as string)
  return found
}

function slugOf(heading: string): string {
  return heading
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
    .replaceAll(' ', '-')
}

export interface Link {
  readonly target: string
  readonly line: number
}

export function links(text: string): Link[] {
  const found: Link[] = []
  withoutCode(text)
    .split('\n')
    .forEach((line, at) => {
      for (const [, target] of line.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g))
        found.push({ target: target as string, line: at + 1 })
      for (const [, target] of line.matchAll(/\b(?:src|srcset|href)="([^"]+)"/g))
        found.push({ target: target as string, line: at + 1 })
    })
  return found
}

/** `key: value` lines between two lines of three hyphens at the top. */
export function frontMatter(text: string): Record<string, string> | undefined {
  const match = /^---\n([\s\S]*?)\n---\n/.exec(text)
  if (match === null) return undefined
  const pairs = (match[1] as string).split('\n').map((line) => /^(\w+): (.+)$/.exec(line))
  return Object.fromEntries(pairs.flatMap((pair) => (pair === null ? [] : [[pair[1], pair[2]]])))
}
