import { TidingsError } from '../kernel/errors.ts'

const segment = /^[A-Za-z0-9_-]+$/

/** Types of events that the library publishes for itself, such as the timers of sagas. Heard by those only who name them. */
export const internalPrefix = 'tidings.'

/** The source of those by which operators ask something. */
export const operatorsSource = '/tidings/operations'

export function isInternal(type: string): boolean {
  return type.startsWith(internalPrefix)
}

/**
 * Compiles the name of an event type with wildcards into a test. `*` stands for exactly one segment (`order.*` takes `order.placed`,
 * not `order.item.added`); `**`, only at the end, for one or more (`order.**` takes both; `**` takes everything). A pattern that begins with a
 * wildcard takes no type that begins with `tidings.`: those are the library's own. The test is linear in the length of the type. Throws `TIDINGS_INVALID_OPTION` for anything else.
 */
export function typePattern(pattern: string): (type: string) => boolean {
  if (typeof pattern !== 'string' || pattern.length === 0 || pattern.length > 200)
    throw refuse(pattern, 'be text of 1 to 200 characters')
  if (pattern === '**') return (type) => !isInternal(type)
  const segments = pattern.split('.')
  const open = segments.at(-1) === '**'
  if (open) segments.pop()
  for (const one of segments) {
    if (one === '**') throw refuse(pattern, 'have `**` only at the end')
    if (one !== '*' && !segment.test(one))
      throw refuse(pattern, 'be words joined by dots, with `*` standing alone between dots')
  }
  if (!segments.includes('*')) {
    if (!open) return (type) => type === pattern
    const prefix = `${segments.join('.')}.`
    return (type) => type.length > prefix.length && type.startsWith(prefix)
  }
  const isOpenFirst = segments[0] === '*'
  return (type) => matches(segments, open, type) && !(isOpenFirst && isInternal(type))
}

function matches(segments: readonly string[], open: boolean, type: string): boolean {
  let start = 0
  for (let at = 0; at < segments.length; at++) {
    if (start > type.length) return false
    const dot = type.indexOf('.', start)
    const end = dot === -1 ? type.length : dot
    const wanted = segments[at] as string
    if (wanted === '*' ? end === start : wanted.length !== end - start || !type.startsWith(wanted, start)) return false
    start = end + 1
  }
  return open ? start < type.length : start > type.length
}

function refuse(pattern: unknown, rule: string): TidingsError {
  const shown = typeof pattern === 'string' ? JSON.stringify(pattern.slice(0, 80)) : typeof pattern
  return new TidingsError('TIDINGS_INVALID_OPTION', `Expected the event type ${shown} to ${rule}.`, {
    details: { field: 'type', rule },
  })
}
