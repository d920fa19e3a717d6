import { type Comment, parseSync } from 'oxc-parser'

import { read } from './pages.ts'

interface Row {
  readonly name: string
  readonly type: string
  readonly says: string
}

type Member = {
  type: string
  start: number
  end: number
  optional?: boolean
  key?: { name?: string }
  typeAnnotation?: Annotation | null
}
type Annotation = { typeAnnotation: { type: string; start: number; end: number; members?: Member[] } }

/** A Markdown table of an interface's members, as its comments explain them. `place` is `path#Interface`. */
export function optionTable(place: string): string {
  const rows = optionRows(place)
  return [
    '| name | type | what it is |',
    '| --- | --- | --- |',
    ...rows.map(({ name, type, says }) => `| \`${name}\` | ${type} | ${says} |`),
  ].join('\n')
}

/** The members of an interface, those of members that are objects themselves under dotted names. */
export function optionRows(place: string): Row[] {
  const [path = '', name = ''] = place.split('#')
  const text = read(path)
  const { program, comments, errors } = parseSync(path, text)
  if (errors[0] !== undefined) throw new Error(`${path}: ${errors[0].message}`)
  for (const statement of program.body) {
    const declared = 'declaration' in statement ? statement.declaration : statement
    if (declared?.type !== 'TSInterfaceDeclaration' || declared.id.name !== name) continue
    return rowsOf(declared.body.body as unknown as Member[], '', text, comments)
  }
  throw new Error(`${path} declares no interface ${name}`)
}

function rowsOf(members: readonly Member[], prefix: string, text: string, comments: readonly Comment[]): Row[] {
  return members.flatMap((member): Row[] => {
    const key = member.key?.name
    if (key === undefined) return []
    const name = prefix + key
    const annotation = member.typeAnnotation?.typeAnnotation
    const says = saying(member, text, comments)
    if (annotation?.type === 'TSTypeLiteral') return rowsOf(annotation.members ?? [], `${name}.`, text, comments)
    const type =
      annotation === undefined ? text.slice(member.start, member.end) : text.slice(annotation.start, annotation.end)
    return [{ name, type: inCode(type, member), says }]
  })
}

function inCode(type: string, member: Member): string {
  const short = type
    .replaceAll(/\s+/g, ' ')
    .replaceAll('readonly ', '')
    .replace(/^(\w+)<[\s\S]*\).*$/, '$1')
  const named = /^(\w+) \| \(/.exec(short)?.[1]
  const callable = member.type === 'TSMethodSignature' || short.includes('=>')
  const shown = callable ? functionText(named) : `\`${short.replaceAll('|', '\\|')}\``
  return member.optional === true ? shown : `${shown}, required`
}

function functionText(named: string | undefined): string {
  return named === undefined ? 'function' : `\`${named}\` or function`
}

/** The comment right above a member, on one line. */
function saying(member: Member, text: string, comments: readonly Comment[]): string {
  const above = comments.findLast(({ end }) => end <= member.start)
  if (above === undefined || text.slice(above.end, member.start).trim() !== '' || !above.value.startsWith('*'))
    return ''
  return above.value
    .slice(1)
    .split('\n')
    .map((line) => line.replace(/^\s*\*? ?/, '').trim())
    .join(' ')
    .trim()
    .replaceAll('|', '\\|')
    .replaceAll(/<(\w)/g, '\\<$1')
}
