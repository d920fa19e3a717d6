import type { EventBusOptions } from '../bus/bus-options.ts'
import { fileHint } from '../bus/file-hint.ts'
import { Mistakes } from '../kernel/mistakes.ts'
import { type BusType, busTypes, isBrokerType, isStoreType, typeOfUrl, urlOfType, withPrefix } from './bus-type.ts'
import { type Environment, EnvironmentReader } from './environment.ts'

/**
 * What holds where nobody says otherwise. `development`: an SQLite file, and servers on this machine. `testing`: memory. `production`: nothing is
 * guessed, every address is named, and memory is refused.
 */
export type Preset = 'development' | 'production' | 'testing'

/** The options of a bus that an environment decides. Spread it: `createEventBus({ ...configFrom(process.env), source: '/auth' })`. */
export type BusConfig = Pick<
  EventBusOptions,
  'url' | 'transportUrl' | 'store' | 'group' | 'retention' | 'sagaTimeout' | 'sagas'
>

export interface ConfigOptions {
  /** Default: TIDINGS_ENV, else NODE_ENV (`test` is `testing`), else `development`; a NODE_ENV of any other name counts as `production`. */
  readonly preset?: Preset
  /** Where events are kept where the environment names a broker alone. Default: `sqlite:./tidings.db`, which the bus then says. */
  readonly beside?: string
}

const presets: readonly Preset[] = ['development', 'production', 'testing']

/** Hundred years; more is a mistake of the writer. */
const mostDays = 36_500

/**
 * Reads a bus's options from an environment. Pure: the environment is what it is given. Throws one `TIDINGS_INVALID_OPTION` that names every
 * variable that is wrong, and its rule, but no value that could be a secret.
 */
export function configFrom(env: Environment, options: ConfigOptions = {}): BusConfig {
  const mistakes = new Mistakes()
  const reader = new EnvironmentReader(env, mistakes)
  const preset = options.preset ?? presetOf(reader)
  mistakes.expect(presets.includes(preset), `\`preset\` to be one of ${presets.join(', ')}`, preset)
  const keeps = reader.flag('ENABLE_EVENT_STORE') ?? true
  const days = reader.number('EVENT_STORE_TTL_DAYS', mostDays)
  const drives = reader.flag('ENABLE_SAGAS') ?? true
  const sagaSeconds = reader.number('SAGA_TIMEOUT_SECONDS', mostDays * 86_400)
  const { store, broker } = placesOf(reader, preset, keeps, options.beside)
  if (!keeps) {
    if (broker === undefined)
      reader.wrong('ENABLE_EVENT_STORE', 'not to be false without a broker: nothing would hold an event')
    if (reader.text('TIDINGS_STORE_URL') !== undefined)
      reader.wrong('TIDINGS_STORE_URL', 'not to be given where ENABLE_EVENT_STORE is false')
    if (days !== undefined) reader.wrong('EVENT_STORE_TTL_DAYS', 'not to be given where ENABLE_EVENT_STORE is false')
  }
  if (preset === 'production' && keeps && store !== undefined && typeOfUrl(store) === 'memory')
    mistakes.found.push('Expected events not to be kept in memory in production: they would be gone with the process.')
  const group = groupOf(reader, broker)
  mistakes.throwAny('The environment is not right')
  return {
    ...(keeps ? (store === undefined ? {} : { url: store }) : { store: 'none' }),
    ...(broker === undefined ? {} : keeps && store === undefined ? { url: broker } : { transportUrl: broker }),
    ...(group === undefined ? {} : { group }),
    ...(days === undefined ? {} : { retention: days * 86_400_000 }),
    ...(sagaSeconds === undefined ? {} : { sagaTimeout: sagaSeconds * 1_000 }),
    ...(drives ? {} : { sagas: false }),
  }
}

interface Places {
  readonly store?: string | undefined
  readonly broker?: string | undefined
}

/** Where events are kept, and what carries them. */
function placesOf(env: EnvironmentReader, preset: Preset, keeps: boolean, beside: string | undefined): Places {
  const near = preset !== 'production'
  const asked = env.choice('EVENT_BUS_TYPE', busTypes)
  const url = urlOf('TIDINGS_URL', env)
  const storeUrl = urlOf('TIDINGS_STORE_URL', env)
  if (storeUrl !== undefined && !isStoreType(storeUrl.type))
    env.wrong('TIDINGS_STORE_URL', 'to name a store: memory:, sqlite:, postgres: or redis:')
  if (url !== undefined && asked !== undefined && url.type !== asked)
    env.wrong('EVENT_BUS_TYPE', 'to be the kind that TIDINGS_URL names, or not to be given')
  const type = url?.type ?? asked
  const main = url?.url ?? (asked === undefined ? undefined : urlOfType(asked, env, near))
  if (type === undefined) {
    if (storeUrl !== undefined) return { store: storeUrl.url }
    if (preset === 'production') env.wrong('TIDINGS_URL', 'or EVENT_BUS_TYPE to be given in production')
    return { store: preset === 'testing' ? 'memory:' : 'sqlite:./tidings.db' }
  }
  const place = main === undefined ? undefined : withPrefix(main, env)
  if (!keeps) return { broker: isBrokerType(type) ? place : undefined }
  // Redis keeps events unless something else does.
  const other = storeUrl !== undefined && storeUrl.url !== main
  if (isBrokerType(type) && (other || !isStoreType(type))) return { store: storeUrl?.url ?? beside, broker: place }
  if (other && url !== undefined)
    env.wrong('TIDINGS_STORE_URL', 'beside a TIDINGS_URL that names a broker, not another store')
  return { store: place }
}

function urlOf(name: string, env: EnvironmentReader): { readonly url: string; readonly type: BusType } | undefined {
  const url = env.text(name)
  if (url === undefined) return undefined
  const type = typeOfUrl(url)
  if (type !== undefined) return { url, type }
  const hint = fileHint(url)
  env.wrong(name, `to begin with memory:, sqlite:, postgres:, redis:, redis-pubsub:, kafka:, amqp: or nats:${hint}`)
  return undefined
}

function groupOf(env: EnvironmentReader, broker: string | undefined): string | undefined {
  const any = env.text('TIDINGS_GROUP')
  const ofKafka = broker !== undefined && typeOfUrl(broker) === 'kafka' ? env.text('KAFKA_CONSUMER_GROUP') : undefined
  if (any !== undefined && ofKafka !== undefined && any !== ofKafka)
    env.wrong('KAFKA_CONSUMER_GROUP', 'to be as TIDINGS_GROUP, or not to be given')
  const group = any ?? ofKafka
  if (group !== undefined && !/^[A-Za-z0-9][A-Za-z0-9_.-]{0,119}$/.test(group))
    env.wrong(
      any === undefined ? 'KAFKA_CONSUMER_GROUP' : 'TIDINGS_GROUP',
      'to be 1 to 120 letters, digits, `_`, `.` or `-`',
    )
  return broker === undefined ? undefined : group
}

function presetOf(env: EnvironmentReader): Preset {
  const said = env.choice('TIDINGS_ENV', presets)
  if (said !== undefined) return said
  const node = env.text('NODE_ENV')
  if (node === undefined || node === 'development') return 'development'
  return node === 'test' || node === 'testing' ? 'testing' : 'production'
}
