import type { EventRecord } from 'tidings/spi'

/** No character that JSON must escape, none that CloudEvents forbids. */
const plain = /^[ !#-[\]-~]*$/
const source = /^(?:[A-Za-z][A-Za-z0-9+.-]*:)?[A-Za-z0-9\-._~!$&'()*+,;=@/?]+$/
const semver = /^\d{1,6}\.\d{1,6}\.\d{1,6}$/
const checksum = /^[A-Za-z0-9_-]{43}$/
const seal = /^[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_-]{86}$/

const priorities = [',"priority":"critical"', ',"priority":"high"', '', ',"priority":"low"']

/** The year 10000, beyond which times are written in another way. */
const endOfTime = 253_402_300_800_000

/**
 * The text of an ordinary event: all of its names plain ASCII, its context canonical, its data JSON. Reads as what the codec of CloudEvents
 * writes, but leaves out what goes without saying (data is JSON, an event without another correlation is its own), and costs a fifth.
 * Undefined for any other event.
 */
export function plainEventText(record: EventRecord): string | undefined {
  const { id, type, key, tenant, correlation, causation, category, time, encoding } = record
  const names = id + key + tenant + category + correlation + causation + record.checksum
  if (names.length > 1_000 || !plain.test(names) || id === '' || key === '' || category === '') return undefined
  if (correlation === '' || !checksum.test(record.checksum)) return undefined
  if (!(time >= 0 && time < endOfTime) || !Number.isInteger(time)) return undefined
  const priority = priorities[record.priority]
  const kind = kindOf(record.source, type, record.version)
  const attributes = record.context === '' ? noAttributes : attributesOf(record.context)
  const content = contentOf(record)
  if (priority === undefined || kind === undefined || attributes === undefined || content === undefined)
    return undefined
  if (record.seal !== '' && !seal.test(record.seal)) return undefined
  return (
    `{"specversion":"1.0","id":"${id}"${kind.head}` +
    (key === id ? '' : `,"subject":"${key}"`) +
    `,"time":"${isoTime(time)}"${content.type}${kind.schema}` +
    (tenant === '' ? '' : `,"tenantid":"${tenant}"`) +
    attributes.before +
    (correlation === id ? '' : `,"correlationid":"${correlation}"`) +
    (causation === '' ? '' : `,"causationid":"${causation}"`) +
    (category === kind.category ? '' : `,"category":"${category}"`) +
    priority +
    attributes.after +
    (encoding === '' ? '' : `,"contentencoding":"${encoding}"`) +
    `,"checksum":"${record.checksum}"` +
    (record.seal === '' ? '' : `,"seal":"${record.seal}"`) +
    `${content.member}}`
  )
}

interface Kind {
  readonly head: string
  readonly schema: string
  /** What the category is where nothing else is said. */
  readonly category: string
}

/** Sources, types and versions are few and come again and again. */
const kinds = new Map<string, Map<string, Map<string, Kind | undefined>>>()
let kindCount = 0

function kindOf(from: string, type: string, version: string): Kind | undefined {
  const known = kinds.get(from)?.get(type)
  const found = known?.get(version)
  if (found !== undefined || known?.has(version) === true) return found
  if (++kindCount > 1_000) {
    kinds.clear()
    kindCount = 1
  }
  let types = kinds.get(from)
  if (types === undefined) kinds.set(from, (types = new Map()))
  let versions = types.get(type)
  if (versions === undefined) types.set(type, (versions = new Map()))
  const kind = makeKind(from, type, version)
  versions.set(version, kind)
  return kind
}

function makeKind(from: string, type: string, version: string): Kind | undefined {
  if (from.length > 200 || !source.test(from)) return undefined
  if (type === '' || type.length > 1_000 || !plain.test(type)) return undefined
  if (version !== '' && !semver.test(version)) return undefined
  const dot = type.lastIndexOf('.')
  return {
    head: `,"source":"${from}","type":"${type}"`,
    schema: version === '' ? '' : `,"dataschema":"urn:tidings:schema:${type}:${version}"`,
    category: dot <= 0 ? type : type.slice(0, dot),
  }
}

interface ContextAttributes {
  readonly before: string
  readonly after: string
}

const noAttributes: ContextAttributes = { before: '', after: '' }
const texts = ['userId', 'sessionId', 'locationId', 'actor', 'traceparent', 'tracestate'] as const

/** A context's members as attributes; undefined where it is not written as the codec writes it. */
function attributesOf(context: string): ContextAttributes | undefined {
  if (context.length > 4_000 || !asciiJson.test(context)) return undefined
  let members: Record<string, unknown>
  try {
    members = JSON.parse(context) as Record<string, unknown>
  } catch {
    return undefined
  }
  let before = ''
  let canonical = ''
  for (const name of texts) {
    const value = members[name]
    if (value === undefined) continue
    if (typeof value !== 'string' || value === '' || !plain.test(value)) return undefined
    before += `,"${name.toLowerCase()}":"${value}"`
    canonical += `,"${name}":"${value}"`
  }
  let after = ''
  const { business } = members
  if (typeof business === 'object' && business !== null) {
    const text = JSON.stringify(business)
    after = `,"business":${JSON.stringify(text)}`
    canonical += `,"business":${text}`
  }
  // Whatever else it holds, or holds in another order, shows here.
  return `{${canonical.slice(1)}}` === context ? { before, after } : undefined
}

const asciiJson = /^\{[ -~]*\}$/

function contentOf({ data, encoding, event }: EventRecord): { type: string; member: string } | undefined {
  if (encoding === '') {
    // What an event of this process was encoded to is JSON; what came from elsewhere could close the object and open another.
    return typeof data === 'string' && data !== '' && (event !== undefined || isJson(data))
      ? { type: '', member: `,"data":${data}` }
      : undefined
  }
  if (typeof data === 'string' || (encoding !== 'gzip' && encoding !== 'zstd')) return undefined
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  return {
    type: `,"datacontenttype":"application/${encoding}"`,
    member: `,"data_base64":"${bytes.toString('base64')}"`,
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

let lastTime = -1
let lastText = ''

/** Many events carry the same millisecond. */
function isoTime(time: number): string {
  if (time !== lastTime) {
    lastTime = time
    lastText = new Date(time).toISOString()
  }
  return lastText
}
