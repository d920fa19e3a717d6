import { codeBlocks } from './markdown.ts'
import { read } from './pages.ts'

/** Where a block is cut from: a file, or the part of it between `#region name` and `#endregion name`. */
export function snippet(place: string): string {
  const [path = '', region] = place.split('#')
  const text = read(path).replace(/\n+$/, '')
  return region === undefined ? text : regionOf(text, region, path)
}

function regionOf(text: string, name: string, path: string): string {
  const lines = text.split('\n')
  const from = lines.findIndex((line) => marks(line, 'region', name))
  const to = lines.findIndex((line) => marks(line, 'endregion', name))
  if (from === -1 || to <= from) throw new Error(`${path} has no region '${name}'`)
  const body = lines.slice(from + 1, to).filter((line) => !/^\s*(\/\/|#) #(end)?region\b/.test(line))
  const indent = Math.min(
    ...body.filter((line) => line.trim() !== '').map((line) => line.length - line.trimStart().length),
  )
  return body
    .map((line) => line.slice(indent))
    .join('\n')
    .replaceAll(/^\n+|\n+$/g, '')
}

function marks(line: string, what: string, name: string): boolean {
  return new RegExp(`^\\s*(//|#|--) #${what} ${name}\\s*$`).test(line)
}

/** What stands in a page and what should; empty when all blocks say what their files say. */
export function staleSnippets(
  page: string,
): { readonly line: number; readonly place: string; readonly is: string; readonly shouldBe: string }[] {
  return codeBlocks(read(page)).flatMap(({ marker, text, from }) => {
    if (marker === undefined || !marker.startsWith('snippet: ')) return []
    const place = marker.slice('snippet: '.length)
    const shouldBe = snippet(place)
    return text === shouldBe ? [] : [{ line: from, place, is: text, shouldBe }]
  })
}

/** Lines of markers that no block of code follows: what they name would be shown to nobody. */
export function emptyMarkers(page: string): readonly number[] {
  const text = read(page)
  const used = codeBlocks(text).filter(({ marker }) => marker?.startsWith('snippet: ') === true).length
  const lines = text.split('\n')
  const markers = lines.flatMap((line, at) => (/^ *<!-- snippet: .+ -->$/.test(line) ? [at + 1] : []))
  return used === markers.length
    ? []
    : markers.filter((line) => !/^ *(`{3,}|~{3,})/.test(lines.slice(line).find((next) => next.trim() !== '') ?? ''))
}

/** The page with every block cut anew. */
export function withFreshSnippets(text: string): string {
  const lines = text.split('\n')
  for (const { marker, from, to } of codeBlocks(text).toReversed()) {
    if (marker === undefined || !marker.startsWith('snippet: ')) continue
    const indent = /^ */.exec(lines[from - 1] as string)?.[0] ?? ''
    const body = snippet(marker.slice('snippet: '.length)).split('\n')
    lines.splice(from, to - from - 1, ...body.map((line) => (line === '' ? '' : indent + line)))
  }
  return lines.join('\n')
}
