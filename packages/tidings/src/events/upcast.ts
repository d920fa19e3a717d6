import { TidingsError } from '../kernel/errors.ts'
import { type AnyEventDefinition, compareVersions, majorOf, type Upcaster } from './define-event.ts'
import { buildEvent, contextAsGiven, type Event } from './event.ts'
import { plain } from './plain.ts'

/**
 * The event in the shape its definition has today; the same event where nothing has to be done. Upcasters run on frozen data, one after another.
 *
 * - The same major: newer minors are read as they are, with fields that are not known here kept; older ones pass their upcasters, if any.
 * - An older major passes the upcasters from its own shape on.
 * - No version (legacy): passes the upcasters from '0.0.0' on where that is listed, else is read as it is.
 *
 * Throws `TIDINGS_UPGRADE_NEEDED` for a newer major and where no upcaster leads here, and `TIDINGS_UNDECODABLE` where an upcaster fails or returns
 * what data cannot be.
 */
export function upcast(event: Event<unknown>, definition: AnyEventDefinition): Event<unknown> {
  if (event.version === definition.version) return event
  const path = pathFrom(event.version, definition)
  if (path.length === 0) return event
  let data = event.data
  for (const [version, upcaster] of path) data = run(upcaster, version, data, definition)
  return buildEvent({
    id: () => event.id,
    source: event.source,
    type: event.type,
    version: definition.version,
    category: event.category,
    key: event.key,
    timestamp: event.timestamp,
    priority: event.priority,
    legacy: event.legacy,
    context: contextAsGiven(event),
    data,
  })
}

type Path = readonly (readonly [version: string, upcaster: Upcaster])[]

/** Versions in use are few, and each path is looked up for every old event that is read. */
const paths = new WeakMap<AnyEventDefinition, Map<string, Path>>()

/** Most versions remembered of one definition; versions come from outside. */
const remembered = 1_000

function pathFrom(version: string, definition: AnyEventDefinition): Path {
  let known = paths.get(definition)
  if (known === undefined) paths.set(definition, (known = new Map<string, Path>()))
  let path = known.get(version)
  if (path === undefined) {
    path = findPath(version, definition)
    if (known.size < remembered) known.set(version, path)
  }
  return path
}

function findPath(version: string, definition: AnyEventDefinition): Path {
  const target = definition.version
  const legacy = version === ''
  if (target === '' || (legacy && !definition.upcasters.has('0.0.0'))) return []
  const from = legacy ? '0.0.0' : version
  if (majorOf(from) > majorOf(target)) throw upgradeNeeded(version, definition, 'newer')
  if (compareVersions(from, target) >= 0) return []
  const listed: Path = [...definition.upcasters].toSorted(([a], [b]) => compareVersions(a, b))
  const start = startOf(from, target, listed)
  if (start !== undefined) return listed.slice(listed.indexOf(start))
  if (majorOf(from) === majorOf(target)) return []
  throw upgradeNeeded(version, definition, 'no-path')
}

/** Where in the ascending list a version comes in. */
function startOf(from: string, target: string, listed: Path): Path[number] | undefined {
  const [major, minor] = from.split('.')
  const inMajor = listed.filter(([version]) => majorOf(version) === majorOf(from))
  return (
    // Patches change no shape, and minors only add: what lacks the additions of a listed shape can be read as that shape.
    inMajor.find(([version]) => version.startsWith(`${major}.${minor}.`)) ??
    inMajor.find(([version]) => compareVersions(version, from) > 0) ??
    // Newer than every listed shape of an older major: read as the newest of them. In today's own major it needs nothing.
    (majorOf(from) < majorOf(target) ? inMajor.at(-1) : undefined)
  )
}

function run(upcaster: Upcaster, version: string, data: unknown, definition: AnyEventDefinition): unknown {
  try {
    return plain((upcaster as (data: unknown) => unknown)(data))
  } catch (error) {
    const message = `The upcaster of ${definition.type} that reads version ${version} failed: it must not throw, nor change its argument, and must return JSON data.`
    throw new TidingsError('TIDINGS_UNDECODABLE', message, {
      cause: error,
      details: { type: definition.type, version, target: definition.version },
    })
  }
}

function upgradeNeeded(version: string, definition: AnyEventDefinition, reason: 'newer' | 'no-path'): TidingsError {
  const { type, version: known } = definition
  const seen = version.slice(0, 40)
  const message =
    reason === 'newer'
      ? `This process reads ${type} up to version ${known}; the event is of version ${seen}, a newer major.`
      : `No upcaster of ${type} reads version ${seen}, which is a major below ${known}.`
  return new TidingsError('TIDINGS_UPGRADE_NEEDED', message, { details: { type, version: seen, known, reason } })
}
