import { type Node, visitorKeys } from 'oxc-parser'

/** Calls `see` for every node that exists when the program runs; types are left out. */
export function walk(node: Node, see: (node: Node, parent: Node | undefined) => void, parent?: Node): void {
  if (/^TS(Type|Interface)/.test(node.type)) return
  see(node, parent)
  for (const key of visitorKeys[node.type] ?? []) {
    const child = (node as unknown as Record<string, unknown>)[key]
    for (const one of Array.isArray(child) ? child : [child]) if (isNode(one)) walk(one, see, node)
  }
}

/** Whether an identifier stands for a variable, rather than for a property, a key or an imported name. */
export function isReference(node: Node, parent: Node | undefined): boolean {
  if (node.type !== 'Identifier' || !parent) return false
  if (parent.type === 'MemberExpression') return parent.object === node || parent.computed
  if (parent.type === 'Property') return parent.value === node || parent.computed
  if (parent.type === 'MethodDefinition' || parent.type === 'PropertyDefinition')
    return parent.value === node || parent.computed
  return !/^(Import|Export).*Specifier$|^Labeled|^Break|^Continue/.test(parent.type)
}

/** `a.b.c` for plain names joined by dots (also `a?.b` and `a['b']`); undefined for anything else. */
export function pathOf(node: Node): string | undefined {
  if (node.type === 'Identifier') return node.name
  if (node.type !== 'MemberExpression') return undefined
  const object = pathOf(node.object)
  if (object === undefined) return undefined
  if (!node.computed) return node.property.type === 'Identifier' ? `${object}.${node.property.name}` : undefined
  return node.property.type === 'Literal' ? `${object}.${String(node.property.value)}` : undefined
}

/** Names the file declares itself, anywhere in it. What it imports from Node is not its own. */
export function declaredNames(program: Node): Set<string> {
  const names = new Set<string>()
  walk(program, (node) => {
    if (node.type === 'VariableDeclarator') bind(node.id, names)
    else if (node.type === 'CatchClause' && node.param) bind(node.param, names)
    else if (node.type === 'ImportDeclaration' && !node.source.value.startsWith('node:')) {
      for (const one of node.specifiers) names.add(one.local.name)
    } else if ('params' in node && Array.isArray(node.params)) {
      for (const param of node.params) if (isNode(param)) bind(param, names)
    }
    if (/^(Function|Class)/.test(node.type) && 'id' in node && isNode(node.id)) bind(node.id, names)
  })
  return names
}

function bind(pattern: Node | null, names: Set<string>): void {
  if (pattern === null) return
  if (pattern.type === 'Identifier') names.add(pattern.name)
  else if (pattern.type === 'AssignmentPattern') bind(pattern.left, names)
  else if (pattern.type === 'RestElement') bind(pattern.argument, names)
  else if (pattern.type === 'ArrayPattern') for (const one of pattern.elements) bind(one, names)
  else if (pattern.type === 'ObjectPattern') {
    for (const one of pattern.properties) bind(one.type === 'Property' ? one.value : one, names)
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
}
