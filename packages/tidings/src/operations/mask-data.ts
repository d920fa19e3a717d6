import type { AnyEventDefinition } from '../events/define-event.ts'
import { maskSensitive } from '../events/sensitive-data.ts'

/** What stands for a field that its definition calls sensitive. */
const masked = '[sensitive]'

/** Deepest nesting that is looked into for declared fields; the guess below goes no deeper. */
const deepest = 100

/**
 * A copy of an event's data in which sensitive values are replaced: those its definition declares, where it is known, and those that look sensitive,
 * always, since whoever looks at the events of many services holds few of their definitions.
 */
export function maskData(data: unknown, definition?: AnyEventDefinition): unknown {
  const fields = new Set(Object.keys(definition?.sensitive?.fields ?? {}))
  return maskSensitive(fields.size === 0 ? data : withoutDeclared(data, '', fields, 0))
}

function withoutDeclared(value: unknown, path: string, fields: ReadonlySet<string>, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth > deepest) return value
  if (Array.isArray(value)) return value.map((item) => withoutDeclared(item, path, fields, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      const place = path === '' ? name : `${path}.${name}`
      return [name, fields.has(place) && member !== null ? masked : withoutDeclared(member, place, fields, depth + 1)]
    }),
  )
}
