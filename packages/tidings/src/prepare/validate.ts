import type { StandardSchemaV1 } from '@standard-schema/spec'

import type { AnyEventDefinition } from '../events/define-event.ts'
import { TidingsError } from '../kernel/errors.ts'

/** Most mistakes one message lists. */
const listed = 5

/**
 * The data as the definition's schema returns it; a promise only where the schema is asynchronous. Throws
 * `TIDINGS_INVALID_DATA` that names every field and its rule, and repeats no value.
 */
export function validate(definition: AnyEventDefinition, data: unknown): unknown {
  if (definition.schema === undefined) return data
  const result = definition.schema['~standard'].validate(data)
  return result instanceof Promise
    ? result.then((settled) => outcome(definition.type, settled))
    : outcome(definition.type, result)
}

function outcome(type: string, result: StandardSchemaV1.Result<unknown>): unknown {
  if (result.issues === undefined) return result.value
  const issues = result.issues.map((issue) => ({ field: fieldOf(issue.path), rule: issue.message.slice(0, 200) }))
  const shown = issues.slice(0, listed).map(({ field, rule }) => `\`${field}\`: ${rule}`)
  const more = issues.length > listed ? `; and ${issues.length - listed} more` : ''
  throw new TidingsError('TIDINGS_INVALID_DATA', `The data of ${type} breaks its schema: ${shown.join('; ')}${more}.`, {
    details: { type, field: issues[0]?.field, issues },
  })
}

function fieldOf(path: StandardSchemaV1.Issue['path']): string {
  return (path ?? []).reduce((text: string, part) => {
    const key = typeof part === 'object' ? part.key : part
    return typeof key === 'number' ? `${text}[${key}]` : `${text}.${String(key).slice(0, 80)}`
  }, 'data')
}
