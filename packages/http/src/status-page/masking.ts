import type { AnyEventDefinition, Json } from 'tidings'

const mask = '•••'

/** Names of fields that hold secrets or personal data whoever defined them. */
const telling =
  /pass(word|phrase|code)|^pass$|secret|token|authori[sz]ation|cookie|api_?key|e?mail(_?address)?$|phone|mobile|iban|card_?(number|no)|cvc|ssn|birth|ip_?address|^ip$/i

/** Shortens event data for people's eyes, with what is sensitive replaced: by its definition, or by what fields of that name hold elsewhere. */
export function masking(definitions: Iterable<AnyEventDefinition>): (type: string, data: unknown) => string {
  const declared = new Map<string, ReadonlySet<string>>()
  for (const { type, sensitive } of definitions) {
    if (sensitive !== undefined) declared.set(type, new Set(Object.keys(sensitive.fields)))
  }
  return (type, data) => shorten(JSON.stringify(masked(data as Json, '', declared.get(type) ?? nothing)) ?? '')
}

const nothing: ReadonlySet<string> = new Set()

function masked(value: Json, path: string, sensitive: ReadonlySet<string>): Json {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((one: Json) => masked(one, path, sensitive))
  // Without a prototype, so that a field named __proto__ is a field like any other.
  const copy = Object.create(null) as Record<string, Json>
  for (const [name, inner] of Object.entries(value)) {
    const at = path === '' ? name : `${path}.${name}`
    copy[name] = inner !== null && (sensitive.has(at) || telling.test(name)) ? mask : masked(inner, at, sensitive)
  }
  return copy
}

const longest = 400

function shorten(text: string): string {
  return text.length <= longest ? text : `${text.slice(0, longest).toWellFormed()}…`
}
