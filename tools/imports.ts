import { parseSync } from 'oxc-parser'

export interface Import {
  specifier: string
  line: number
  /** `import('…')`: loaded when asked for, not with the file. */
  dynamic: boolean
}

/** Every import and re-export of a source file whose specifier is a literal. */
export function importsOf(file: string, text: string): Import[] {
  const { module, errors } = parseSync(file, text)
  if (errors[0]) throw new Error(`${file}: ${errors[0].message}`)
  const found: Import[] = []
  const add = (specifier: string, start: number, dynamic: boolean): unknown =>
    found.push({ specifier, line: lineAt(text, start), dynamic })
  for (const one of module.staticImports) add(one.moduleRequest.value, one.start, false)
  for (const one of module.staticExports) {
    const from = one.entries.find((entry) => entry.moduleRequest !== null)?.moduleRequest
    if (from) add(from.value, one.start, false)
  }
  for (const one of module.dynamicImports) {
    const literal = /^(['"`])([^'"`$]+)\1$/.exec(text.slice(one.moduleRequest.start, one.moduleRequest.end))
    if (literal) add(literal[2] as string, one.start, true)
  }
  return found
}

export function lineAt(text: string, offset: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line++
  return line
}
