import { TidingsError } from '../kernel/errors.ts'
import { defaultDecodeLimits } from './data-codec.ts'

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json }

/** Deeper data is refused: recursion over it must be safe everywhere, also in other people's parsers. */
const deepest = 100

/**
 * A frozen copy of `value` as its JSON text would read back: dates and others with `toJSON` become what that returns,
 * absent members vanish. So handlers see the same on every adapter, and the caller's own object stays as it is.
 * Throws `TIDINGS_INVALID_DATA`, naming the field, for what JSON cannot carry (functions, symbols, bigint, NaN, infinities,
 * cycles, unpaired surrogates), for `__proto__` members, beyond a depth of 100, and beyond a million members.
 */
export function plain<T>(value: T, onto?: Weighed): T {
  weight = 0
  const quick = quickCopy(value, 0)
  if (onto !== undefined) onto.weight = quick === refused ? Number.POSITIVE_INFINITY : weight
  const copied = quick === refused ? copy(value, 'data', 0) : quick
  if ((quick === refused || weight > perMember * mostMembers) && membersOf(copied, mostMembers) > mostMembers) {
    throw refuse('data', `must not hold more than ${mostMembers} members`)
  }
  return copied as T
}

/** What readers take by default: nobody should be able to write what nobody can read. */
const mostMembers = defaultDecodeLimits.maxMembers

/** Least that one member weighs. */
const perMember = 4

/** Members and items in all; counting ends soon after `enough`. */
function membersOf(value: unknown, enough: number): number {
  if (typeof value !== 'object' || value === null) return 0
  const inner = Object.values(value)
  let count = inner.length
  for (const one of inner) {
    if (count > enough) break
    if (typeof one === 'object') count += membersOf(one, enough - count)
  }
  return count
}

/** Filled in by `plain`: at most how many bytes the JSON text takes, or Infinity where only counting can tell. */
export interface Weighed {
  weight: number
}

const refused: unique symbol = Symbol('refused')

/** Most bytes one UTF-16 unit can take in JSON text (`\u0000`), and most a number can. */
const perUnit = 6
const perNumber = 26

let weight = 0

/**
 * The way of nearly all data: plain objects of strings, numbers, flags and the like. Whatever is out of the ordinary is left to `copy`, which
 * knows the rules and names the field; this one knows no paths, since building them costs more than the copy.
 */
function quickCopy(value: unknown, depth: number): unknown {
  if (typeof value === 'string') {
    weight += perUnit * value.length + 3
    return value.isWellFormed() ? value : refused
  }
  if (typeof value !== 'object') {
    weight += perNumber
    // Minus zero reads back as zero.
    if (value === 0) return 0
    return typeof value === 'boolean' || Number.isFinite(value) ? value : refused
  }
  weight += 5
  if (value === null) return null
  if (depth > deepest) return refused
  return Array.isArray(value) ? quickItems(value, depth) : quickMembers(value, depth)
}

function quickItems(value: readonly unknown[], depth: number): unknown {
  const items = value.slice()
  for (let at = 0; at < items.length; at++) {
    const item: unknown = quickCopy(items[at], depth + 1)
    if (item === refused) return refused
    items[at] = item
    weight++
  }
  return Object.freeze(items)
}

function quickMembers(value: object, depth: number): unknown {
  if (Object.getPrototypeOf(value) !== Object.prototype) return refused
  // Spread keeps the hidden class of the source, which is what makes this fast; only members that hold others are written again.
  const members = { ...(value as Record<string, unknown>) }
  for (const name in members) {
    if (name === '__proto__') return refused
    const member = members[name]
    weight += perUnit * name.length + 4
    if (typeof member === 'string') {
      weight += perUnit * member.length
      if (!member.isWellFormed()) return refused
    } else if (typeof member === 'object' && member !== null) {
      const inner = quickCopy(member, depth + 1)
      if (inner === refused) return refused
      members[name] = inner
    } else if (typeof member === 'number') {
      weight += perNumber
      if (!Number.isFinite(member)) return refused
      if (member === 0) members[name] = 0
    } else if (typeof member !== 'boolean' && member !== null) return refused
    else weight += perNumber
  }
  return Object.freeze(members)
}

function copy(value: unknown, path: string, depth: number): unknown {
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) throw refuse(path, 'must be well-formed Unicode (it holds an unpaired surrogate)')
      return value
    case 'boolean':
      return value
    case 'number':
      if (!Number.isFinite(value)) throw refuse(path, `must be a finite number, got ${value}`)
      return value === 0 ? 0 : value
    case 'object':
      return value === null ? null : copyObject(value, path, depth)
    default:
      throw refuse(path, `must be JSON data, got ${typeof value}`)
  }
}

function copyObject(value: object, path: string, depth: number): unknown {
  if (depth > deepest) throw refuse(path, `must not nest deeper than ${deepest} levels`)
  if (Array.isArray(value)) {
    const items = new Array<unknown>(value.length)
    for (let at = 0; at < value.length; at++)
      items[at] = value[at] === undefined ? null : copy(value[at], `${path}[${at}]`, depth + 1)
    return Object.freeze(items)
  }
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function')
    return copy((value as { toJSON(): unknown }).toJSON(), path, depth + 1)
  if (value instanceof Map || value instanceof Set || ArrayBuffer.isView(value))
    throw refuse(path, `must be JSON data, got ${value.constructor.name}`)

  const members = { ...(value as Record<string, unknown>) }
  for (const name in members) {
    const member = members[name]
    if (name === '__proto__') throw refuse(`${path}.__proto__`, 'is a name that data must not carry')
    if (typeof member === 'string') {
      if (!member.isWellFormed()) copy(member, `${path}.${name}`, depth)
    } else if (member === undefined) delete members[name]
    else if (typeof member !== 'boolean') members[name] = copy(member, `${path}.${name}`, depth + 1)
  }
  return Object.freeze(members)
}

function refuse(path: string, rule: string): TidingsError {
  const field = path.slice(0, 200)
  return new TidingsError('TIDINGS_INVALID_DATA', `\`${field}\` ${rule}.`, { details: { field, rule } })
}
