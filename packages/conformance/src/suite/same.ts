import assert from 'node:assert/strict'
import { inspect, isDeepStrictEqual } from 'node:util'

/** Above this, a full comparison of what differs costs more than it tells; at worst all memory there is. */
const heaviest = 4_000

/**
 * Throws unless both are deeply and strictly equal. Small values are shown with all their differences; of large lists it
 * says what is missing, what is too much and where they part, of other large values how they begin.
 */
export function same(actual: unknown, expected: unknown, what?: string): void {
  if (isDeepStrictEqual(actual, expected)) return
  if (weight(actual) + weight(expected) <= heaviest)
    assert.deepEqual(actual, expected, what && `${what}: ${difference(actual, expected)}`)
  throw new assert.AssertionError({
    message: `${what === undefined ? '' : `${what}: `}${difference(actual, expected)}`,
  })
}

function difference(actual: unknown, expected: unknown): string {
  if (!Array.isArray(actual) || !Array.isArray(expected)) return `expected ${short(expected)}, got ${short(actual)}`
  const [found, wanted] = [new Set(actual.map(short)), new Set(expected.map(short))]
  const part = expected.findIndex((one, at) => !isDeepStrictEqual(one, actual[at]))
  const at = part === -1 ? expected.length : part
  return [
    `expected ${expected.length} items, got ${actual.length}`,
    `missing ${few([...wanted].filter((one) => !found.has(one)))}`,
    `too much ${few([...found].filter((one) => !wanted.has(one)))}`,
    `they part at ${at}: expected ${short(expected[at])}, got ${short(actual[at])}`,
  ].join('; ')
}

function few(items: readonly string[]): string {
  if (items.length === 0) return 'nothing'
  return items.slice(0, 5).join(', ') + (items.length > 5 ? ` and ${items.length - 5} more` : '')
}

function short(value: unknown): string {
  return inspect(value, {
    depth: 3,
    maxArrayLength: 8,
    maxStringLength: 80,
    breakLength: Number.POSITIVE_INFINITY,
  }).slice(0, 400)
}

/** About how much there is to compare: characters and items, counted no further than needed. */
function weight(value: unknown): number {
  if (typeof value === 'string' || ArrayBuffer.isView(value))
    return typeof value === 'string' ? value.length : value.byteLength
  if (typeof value !== 'object' || value === null) return 1
  let sum = 1
  for (const member of value instanceof Map || value instanceof Set ? value : Object.values(value)) {
    sum += weight(member)
    if (sum > heaviest) break
  }
  return sum
}
