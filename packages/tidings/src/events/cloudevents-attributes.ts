import { TidingsError } from '../kernel/errors.ts'

/** Values that attributes can have once they are read: text, booleans, and whole numbers of 32 bits. */
export type AttributeValue = string | number | boolean

/** Context attributes of one CloudEvent, by their lower-case names. A map, so that no name can reach a prototype. */
export type Attributes = Map<string, AttributeValue>

/** Most attributes of one event, and longest value, in UTF-16 units: what a reader holds is bounded by it. */
const mostAttributes = 200
const longestValue = 65_536

/** Longest of those that stores keep in columns and find events by. */
const longestName = 1_000

const legalName = /^[a-z0-9]+$/

// Control characters, unpaired surrogates and noncharacters, which the specification keeps out of its String type.
const illegal = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u

/** Throws `TIDINGS_INVALID_EVENT` naming the attribute and the rule it breaks. */
export function refuseAttribute(attribute: string, rule: string): never {
  const field = attribute.slice(0, 80)
  throw new TidingsError('TIDINGS_INVALID_EVENT', `The CloudEvents attribute \`${field}\` ${rule}.`, {
    details: { field, rule },
  })
}

export function checkName(name: string): void {
  if (!legalName.test(name) || name.length > 100)
    refuseAttribute(name, 'must be named by lower-case letters and digits only')
  if (name === 'data') refuseAttribute(name, 'is reserved')
}

/** Takes one attribute in, its value checked. `null` counts as absent. */
export function setAttribute(attributes: Attributes, name: string, value: unknown): void {
  if (value === null || value === undefined) return
  if (typeof value === 'string') checkText(name, value)
  else if (typeof value === 'number') {
    if ((value | 0) !== value) refuseAttribute(name, 'must be a whole number of 32 bits where it is a number')
  } else if (typeof value !== 'boolean') refuseAttribute(name, 'must be text, a boolean or a whole number')
  attributes.set(name, Object.is(value, -0) ? 0 : value)
}

export function checkCount(count: number): void {
  if (count > mostAttributes) refuseAttribute('*', `are more than ${mostAttributes}`)
}

const plainAscii = /^[\x20-\x7e]*$/

export function checkText(name: string, value: string): void {
  if (value.length > longestValue) refuseAttribute(name, `must not be longer than ${longestValue} characters`)
  if (!plainAscii.test(value) && illegal.test(value))
    refuseAttribute(name, 'must not hold control characters, noncharacters or unpaired surrogates')
}

/** The value of a required attribute: text of 1 to 1,000 characters. */
export function requiredText(attributes: Attributes, name: string): string {
  const value = attributes.get(name)
  if (value === undefined) refuseAttribute(name, 'is required')
  if (typeof value !== 'string') refuseAttribute(name, 'must be text')
  if (value === '') refuseAttribute(name, 'must not be empty')
  return shortText(name, value)
}

/** The value of an optional attribute of the specification: absent, or text that is not empty. */
export function specText(attributes: Attributes, name: string): string | undefined {
  const value = attributes.get(name)
  if (value === undefined) return undefined
  if (typeof value !== 'string') refuseAttribute(name, 'must be text')
  if (value === '') refuseAttribute(name, 'must not be empty where it is present')
  return value
}

export function shortText(name: string, value: string): string {
  if (value.length > longestName) refuseAttribute(name, `must not be longer than ${longestName} characters`)
  return value
}

const uriCharacters =
  /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?[\]]|%[0-9A-Fa-f]{2})*(?:#(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*)?$/
const scheme = /^[A-Za-z][A-Za-z0-9+.-]*:/

/** RFC 3986: a URI, or a reference relative to one. */
export function isUriReference(text: string): boolean {
  if (!uriCharacters.test(text)) return false
  const first = text.split(/[/?#]/, 1)[0] as string
  return !first.includes(':') || scheme.test(text)
}

export function isUri(text: string): boolean {
  return scheme.test(text) && isUriReference(text)
}

const mediaType =
  /^[\w!#$%&'*+\-.^`|~]+\/[\w!#$%&'*+\-.^`|~]+(?:[ \t]*;[ \t]*[\w!#$%&'*+\-.^`|~]+=(?:[\w!#$%&'*+\-.^`|~]+|"(?:[^"\\]|\\.)*"))*[ \t]*;?[ \t]*$/

/** RFC 2046, with parameters. */
export function isMediaType(text: string): boolean {
  return mediaType.test(text)
}

/** Content types are few and come again and again. */
const jsonTypes = new Map<string, boolean>([['application/json', true]])

/** Whether data of this content type is JSON: `json` or `+json`; absent means JSON too. */
export function isJsonType(contentType: string | undefined): boolean {
  if (contentType === undefined) return true
  let known = jsonTypes.get(contentType)
  if (known === undefined) {
    const subtype = (contentType.split(';', 1)[0] as string).trim().toLowerCase().split('/')[1] ?? ''
    known = subtype === 'json' || subtype.endsWith('+json')
    if (jsonTypes.size < 1_000 && contentType.length < 100) jsonTypes.set(contentType, known)
  }
  return known
}

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/

/** Milliseconds since 1970 of an RFC 3339 time; finer digits are cut. Undefined where it is none. A leap second counts as the second before it. */
export function parseTime(text: string): number | undefined {
  const match = rfc3339.exec(text)
  if (match === null) return undefined
  const [
    ,
    year = '',
    month = '',
    day = '',
    hour = '',
    minute = '',
    second = '',
    fraction = '',
    sign,
    hours = '0',
    minutes = '0',
  ] = match
  const seconds = second === '60' ? '59' : second
  if (Number(hour) > 23 || Number(minute) > 59 || Number(seconds) > 59 || Number(hours) > 23 || Number(minutes) > 59)
    return undefined
  const utc = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${seconds}.${fraction.padEnd(3, '0').slice(0, 3)}Z`)
  // Date.parse takes 30 February for 2 March.
  if (Number.isNaN(utc) || new Date(utc).getUTCDate() !== Number(day)) return undefined
  const offset = (Number(hours) * 60 + Number(minutes)) * 60_000
  return sign === '-' ? utc + offset : utc - offset
}
