import { type ImportDeclaration, type Node, parseSync } from 'oxc-parser'
import { lineAt } from './imports.ts'
import { isTest, projectFiles, readJson, readText, sources } from './project-files.ts'
import { type Check, type Report, runAlone } from './report.ts'
import { declaredNames, isReference, pathOf, walk } from './syntax.ts'

interface RuntimeOnly {
  in: string[]
  /** File, or folder with a slash at the end, and why it may. */
  except: Record<string, string>
}

const bannedGlobals = new Set(['setTimeout', 'setInterval', 'setImmediate', 'process'])
const bannedMembers = new Set([
  'Date.now',
  'Math.random',
  'performance.now',
  'crypto.randomUUID',
  'crypto.randomUUIDv7',
  'AbortSignal.timeout',
])
const bannedModules = /^node:(timers(\/promises)?|process|perf_hooks)$/
const bannedNames = new Set(['randomUUID', 'randomUUIDv7'])

/**
 * Time, timers, randomness and ids come from the kernel's runtime, so that the whole library runs under a
 * virtual clock and a seed. One forgotten `Date.now()` would make the simulation lie.
 */
export const checkRuntimeOnly: Check = {
  name: 'runtime only',
  run(root): Report {
    const { runtimeOnly } = readJson<{ runtimeOnly: RuntimeOnly }>(root, 'architecture.json')
    const excepted = Object.keys(runtimeOnly.except)
    const problems = projectFiles(root, sources)
      .filter((file) => runtimeOnly.in.some((folder) => file.startsWith(folder)) && !isTest(file))
      .filter((file) => !excepted.some((place) => file === place || (place.endsWith('/') && file.startsWith(place))))
      .flatMap((file) => offences(file, readText(root, file)))
    return { problems, warnings: [] }
  },
}

/** Each line that reaches for a banned global. A name that the file declares itself is its own. */
export function offences(file: string, text: string): string[] {
  const { program, errors } = parseSync(file, text)
  if (errors[0]) return [`${file}: ${errors[0].message}`]
  const local = declaredNames(program)
  const found = new Set<string>()
  const refuse = (what: string, { start }: Node): unknown =>
    found.add(`${file}:${lineAt(text, start)} ${what}: ask the kernel's runtime instead`)
  const globalPath = (node: Node): string | undefined => {
    const path = pathOf(node)?.replace(/^globalThis\./, '')
    return path !== undefined && !local.has(path.split('.', 1)[0] as string) ? path : undefined
  }
  walk(program, (node, parent) => {
    const path = node.type === 'MemberExpression' || isReference(node, parent) ? globalPath(node) : undefined
    if (path !== undefined && (bannedGlobals.has(path) || bannedMembers.has(path))) refuse(path, node)
    if (node.type === 'CallExpression' && globalPath(node.callee) === 'Date') refuse('Date()', node)
    if (node.type === 'NewExpression' && node.arguments.length === 0 && globalPath(node.callee) === 'Date') {
      refuse('new Date()', node)
    }
    if (node.type === 'ImportDeclaration' && node.importKind !== 'type') {
      for (const what of bannedImports(node)) refuse(what, node)
    }
  })
  return [...found]
}

function bannedImports({ source, specifiers }: ImportDeclaration): string[] {
  if (bannedModules.test(source.value)) return [`import of '${source.value}'`]
  if (source.value !== 'node:crypto') return []
  return specifiers
    .map((one) => (one.type === 'ImportSpecifier' && one.imported.type === 'Identifier' ? one.imported.name : ''))
    .filter((name) => bannedNames.has(name))
}

if (import.meta.main) await runAlone(checkRuntimeOnly)
