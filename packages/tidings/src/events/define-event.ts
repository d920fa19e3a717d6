import type { StandardSchemaV1 } from '@standard-schema/spec'

import { type Duration, milliseconds } from '../kernel/duration.ts'
import { TidingsError } from '../kernel/errors.ts'
import { Mistakes } from '../kernel/mistakes.ts'
import type { EventContext, Priority } from './event.ts'
import { priorities } from './event.ts'

/** Turns data of an older version into the next newer shape. Pure; must not change its argument. */
export type Upcaster = (data: never) => unknown

export interface DefineEventOptions<Schema extends StandardSchemaV1> {
  /** Semantic version of the data's shape. Default '1.0.0'. Readers take every minor of a major; a higher major waits for an upgrade. */
  readonly version?: string
  /** Any Standard Schema (zod, valibot, arktype …). Checked at publish and again on consumption. Without one, any JSON data passes. */
  readonly schema?: Schema
  /** Which one this is about: order and partition go by it. Default: `data.id`, else every event is a stream of its own. */
  readonly key?: (data: StandardSchemaV1.InferOutput<Schema>) => string
  /** The kind of thing it is about. Default: the type without its last word (`order.placed` → `order`). */
  readonly category?: string
  /** What a transport carries it on. Default: the category. Order holds inside one topic only. */
  readonly topic?: string
  /** Default `normal`. */
  readonly priority?: Priority
  /**
   * How long the log keeps it at least, such as '90d'; then it goes once every registered subscription has passed it. `forever` stays whatever the bus
   * says. Default: what the bus says, and that is for ever where it says nothing.
   */
  readonly retention?: Duration | 'forever'
  /** `content`: within the bus's window, a second event with the same tenant, key and data is answered as a duplicate. Default `none`. */
  readonly dedup?: 'content' | 'none'
  /** By the version they read: each turns data of that version into the shape of the next one listed, the last into today's. */
  readonly upcasters?: Readonly<Record<string, Upcaster>>
  /** Personal data: whose it is, and for each field the stand-in that is read once that person is erased. */
  readonly sensitive?: {
    readonly subject: (data: StandardSchemaV1.InferOutput<Schema>) => string
    readonly fields: Readonly<Record<string, string | number | boolean | null>>
  }
  /** One sentence for the catalogue. */
  readonly description?: string
}

/** All that is known of one type of event. Immutable; safe to share between buses. */
export interface EventDefinition<Input = unknown, Data = unknown> {
  readonly type: string
  readonly version: string
  readonly category: string
  readonly topic: string
  readonly priority: Priority
  /** Milliseconds; Infinity: for ever; undefined: what the bus says. */
  readonly retention: number | undefined
  readonly dedup: 'content' | 'none'
  readonly schema: StandardSchemaV1<Input, Data> | undefined
  readonly keyOf: ((data: Data) => string) | undefined
  readonly upcasters: ReadonlyMap<string, Upcaster>
  readonly sensitive:
    | {
        readonly subject: (data: Data) => string
        readonly fields: Readonly<Record<string, string | number | boolean | null>>
      }
    | undefined
  readonly description: string | undefined
  /** An event that is not yet stamped: no id, no time. Pure, so domain code needs no clock; the bus completes it. */
  create(data: Input, context?: EventContext): EventDraft<Input, Data>
}

/** A definition of whatever data. */
// biome-ignore lint/suspicious/noExplicitAny: any is the only type that stands for every pair of input and output.
// oxlint-disable-next-line typescript/no-explicit-any
export type AnyEventDefinition = EventDefinition<any, any>

/** A definition whose events carry this data, whatever its publishers hand in. */
// biome-ignore lint/suspicious/noExplicitAny: see AnyEventDefinition.
// oxlint-disable-next-line typescript/no-explicit-any
export type DefinitionOf<Data> = EventDefinition<any, Data>

/** Something to publish: what happened, as its publisher says it. */
// biome-ignore lint/suspicious/noExplicitAny: see AnyEventDefinition.
// oxlint-disable-next-line typescript/no-explicit-any
export interface EventDraft<Input = any, Data = any> {
  readonly definition: EventDefinition<Input, Data>
  readonly data: Input
  readonly context: EventContext
}

/** The data of an event type, as handlers see it. */
export type DataOf<Definition> = Definition extends EventDefinition<infer _Input, infer Data> ? Data : never

/** Says all about an event in one place. Throws `TIDINGS_INVALID_OPTION` naming every mistake at once. */
export function defineEvent<Schema extends StandardSchemaV1>(
  type: string,
  options: DefineEventOptions<Schema> & { readonly schema: Schema },
): EventDefinition<StandardSchemaV1.InferInput<Schema>, StandardSchemaV1.InferOutput<Schema>>
/** Without a schema the data is as its publisher says, typed by `Data` and checked by nobody. */
export function defineEvent<Data = Record<string, unknown>>(
  type: string,
  options?: Omit<DefineEventOptions<StandardSchemaV1<Data, Data>>, 'schema'>,
): EventDefinition<Data, Data>
export function defineEvent<Schema extends StandardSchemaV1>(
  type: string,
  options: DefineEventOptions<Schema> = {},
): EventDefinition<StandardSchemaV1.InferInput<Schema>, StandardSchemaV1.InferOutput<Schema>> {
  type Input = StandardSchemaV1.InferInput<Schema>
  type Data = StandardSchemaV1.InferOutput<Schema>
  const category = options.category ?? defaultCategory(type)
  const definition: EventDefinition<Input, Data> = {
    type,
    version: options.version ?? '1.0.0',
    category,
    topic: options.topic ?? category,
    priority: options.priority ?? 'normal',
    retention: retentionOf(options.retention),
    dedup: options.dedup ?? 'none',
    schema: options.schema,
    keyOf: options.key,
    upcasters: new Map(Object.entries(options.upcasters ?? {})),
    sensitive: options.sensitive,
    description: options.description,
    create: (data, context = {}) => ({ definition, data, context }),
  }
  const strange = new Mistakes()
  strange.refuseUnknown(options, known)
  strange.refuseUnknown(options.sensitive, sensitiveNames, 'sensitive.')
  const mistakes = [...strange.found, ...mistakesIn(definition)]
  if (mistakes.length > 0) {
    throw new TidingsError(
      'TIDINGS_INVALID_OPTION',
      `Cannot define event ${JSON.stringify(type)}: ${mistakes.join(' ')}`,
      { details: { type, mistakes } },
    )
  }
  return Object.freeze(definition)
}

function retentionOf(retention: Duration | 'forever' | undefined): number | undefined {
  if (retention === undefined) return undefined
  return retention === 'forever' ? Number.POSITIVE_INFINITY : milliseconds(retention, 'retention')
}

/** `order.placed` → `order`; `user.profile.created` → `user.profile`; a single word is its own category. */
export function defaultCategory(type: string): string {
  const dot = type.lastIndexOf('.')
  return dot <= 0 ? type : type.slice(0, dot)
}

const known: Readonly<Record<keyof DefineEventOptions<StandardSchemaV1>, true>> = {
  version: true,
  schema: true,
  key: true,
  category: true,
  topic: true,
  priority: true,
  retention: true,
  dedup: true,
  upcasters: true,
  sensitive: true,
  description: true,
}

const sensitiveNames = { subject: true, fields: true } as const

const semver = /^\d{1,6}\.\d{1,6}\.\d{1,6}$/
const name = /^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$/

function mistakesIn(definition: AnyEventDefinition): string[] {
  const mistakes: string[] = []
  const expect = (fine: boolean, rule: string): void => {
    if (!fine) mistakes.push(`Expected ${rule}.`)
  }
  expect(
    name.test(definition.type) && definition.type.length <= 200,
    '`type` to be words of letters, digits, `_` and `-` joined by dots, 200 characters at most',
  )
  expect(name.test(definition.category) && definition.category.length <= 200, '`category` to be written like a type')
  expect(name.test(definition.topic) && definition.topic.length <= 200, '`topic` to be written like a type')
  expect(
    semver.test(definition.version),
    `\`version\` to be a semantic version such as '1.0.0', got ${JSON.stringify(definition.version)}`,
  )
  expect(priorities.includes(definition.priority), `\`priority\` to be one of ${priorities.join(', ')}`)
  for (const version of definition.upcasters.keys()) {
    expect(semver.test(version), `\`upcasters\` to be named by semantic versions, got ${JSON.stringify(version)}`)
    expect(
      compareVersions(version, definition.version) < 0,
      `\`upcasters\` to read versions below ${definition.version}, got ${version}`,
    )
  }
  return mistakes
}

/** Negative, zero or positive as `a` is below, equal to or above `b`. Text that is no semantic version counts as 0.0.0. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [numbers(a), numbers(b)]
  return left[0] - right[0] || left[1] - right[1] || left[2] - right[2]
}

export function majorOf(version: string): number {
  return numbers(version)[0]
}

function numbers(version: string): [number, number, number] {
  const match = /^(\d+)\.(\d+)\.(\d+)/.exec(version)
  return match === null ? [0, 0, 0] : [Number(match[1]), Number(match[2]), Number(match[3])]
}
