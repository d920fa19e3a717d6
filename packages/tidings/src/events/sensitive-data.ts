import { longestText, type SensitiveKind, sensitiveKind } from './sensitive-kind.ts'

export interface SensitiveField {
  /** Where it is, such as `customer.emails[0]`. */
  readonly path: string
  readonly kind: SensitiveKind
}

/** Most values that are looked at, and deepest nesting; beyond them nothing is found, and masking leaves nothing in. */
const mostValues = 10_000
const deepest = 100

/**
 * Fields that probably hold personal data or secrets, by their names and by the shape of their values. A guess made in linear time: it warns who
 * forgot to declare a field as sensitive, and it proves nothing about fields it does not name.
 */
export function detectSensitive(data: unknown): readonly SensitiveField[] {
  const found: SensitiveField[] = []
  walk(data, (path, kind) => void found.push({ path, kind }), { left: mostValues })
  return found
}

/**
 * A copy for logs and consoles in which every field that `detectSensitive` would name reads `[kind]`, and everything below a sensitive name too.
 * What is too much to look at is left out rather than let through. The argument is not changed.
 */
export function maskSensitive(data: unknown): unknown {
  return mask(data, undefined, 0, { left: mostValues })
}

interface Budget {
  left: number
}

function walk(data: unknown, found: (path: string, kind: SensitiveKind) => void, budget: Budget): void {
  // Not recursive: data that was never decoded here can nest as deep as memory allows.
  const waiting: {
    readonly value: unknown
    readonly name: string | undefined
    readonly path: string
    readonly depth: number
  }[] = [{ value: data, name: undefined, path: '', depth: 0 }]
  for (let one = waiting.pop(); one !== undefined && budget.left > 0; one = waiting.pop()) {
    budget.left--
    const { value, name, path, depth } = one
    const kind = sensitiveKind(name, value)
    if (kind !== undefined) {
      found(path, kind)
      continue
    }
    if (typeof value !== 'object' || value === null || depth >= deepest) continue
    const below = depth + 1
    if (Array.isArray(value)) {
      for (let at = Math.min(value.length, budget.left) - 1; at >= 0; at--)
        waiting.push({ value: value[at], name: undefined, path: `${path}[${at}]`, depth: below })
    } else {
      const names = Object.keys(value).slice(0, budget.left)
      for (const member of names.reverse()) {
        const shown = member.slice(0, 80)
        waiting.push({
          value: (value as Record<string, unknown>)[member],
          name: member,
          path: path === '' ? shown : `${path}.${shown}`.slice(-400),
          depth: below,
        })
      }
    }
  }
}

function mask(value: unknown, name: string | undefined, depth: number, budget: Budget): unknown {
  if (--budget.left < 0) return '[…]'
  const kind = sensitiveKind(name, value)
  if (kind !== undefined) return `[${kind}]`
  if (typeof value === 'string') return value.length > longestText ? `${value.slice(0, longestText)}…` : value
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'function' || typeof value === 'symbol') return undefined
  if (typeof value !== 'object' || value === null) return value
  if (depth >= deepest) return '[…]'
  if (Array.isArray(value)) {
    const items: unknown[] = []
    for (let at = 0; at < value.length && budget.left > 0; at++)
      items.push(mask(value[at], undefined, depth + 1, budget))
    if (items.length < value.length) items.push('[…]')
    return items
  }
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  const members: Record<string, unknown> = {}
  for (const member of Object.keys(value)) {
    if (budget.left <= 0) {
      members['…'] = '[…]'
      break
    }
    // Assigning to __proto__ would set the copy's prototype.
    if (member !== '__proto__')
      members[member] = mask((value as Record<string, unknown>)[member], member, depth + 1, budget)
  }
  return members
}
