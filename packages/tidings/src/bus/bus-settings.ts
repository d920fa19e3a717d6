import { type BridgeSettings, bridgeSettings } from '../bridge/bridge-settings.ts'
import { isUriReference } from '../events/cloudevents-attributes.ts'
import { defaultDecodeLimits } from '../events/data-codec.ts'
import { milliseconds } from '../kernel/duration.ts'
import { TidingsError } from '../kernel/errors.ts'
import { silentLog } from '../kernel/log.ts'
import { Mistakes } from '../kernel/mistakes.ts'
import { attribute } from '../prepare/attributes.ts'
import { type PublishSettings, publishDefaults } from '../publisher/publish-options.ts'
import { readLogOptions } from '../transport/log/log-options.ts'
import type { EventBusOptions } from './bus-options.ts'
import { isBridged, isBroker, isBrokerUrl, type ResolvedOptions } from './open-transport.ts'

/** The options of a bus with every default filled in, times in milliseconds; what it opens and calls is left as it was given. */
export interface BusSettings {
  readonly source: string
  readonly concurrency: number
  readonly keep: number
  readonly txHold: number
  /** Milliseconds; Infinity: for ever. */
  readonly retention: number
  readonly sagaTimeout: number
  /** Whether this process drives sagas. */
  readonly sagas: boolean
  readonly maxIncomingBytes: number
  readonly validate: boolean
  /** Most units in one commit; undefined: the committer's own. */
  readonly batch: number | undefined
  readonly publish: PublishSettings
  /** Undefined where there is no broker. */
  readonly bridge: BridgeSettings | undefined
}

const optionNames: Readonly<Record<keyof ResolvedOptions, true>> = {
  url: true,
  transportUrl: true,
  store: true,
  keep: true,
  source: true,
  events: true,
  validate: true,
  verifySeal: true,
  concurrency: true,
  publish: true,
  transport: true,
  group: true,
  relay: true,
  inbox: true,
  route: true,
  remember: true,
  retention: true,
  payloads: true,
  txHold: true,
  sagaTimeout: true,
  sagas: true,
  maxIncomingBytes: true,
  log: true,
  meter: true,
  runtime: true,
  beside: true,
}

const publishNames: Readonly<Record<keyof NonNullable<EventBusOptions['publish']>, true>> = {
  maxBytes: true,
  compressAbove: true,
  claimAbove: true,
  rate: true,
  rateQueue: true,
  dedupWindow: true,
  dedupSecret: true,
  tries: true,
  retryDelay: true,
  batch: true,
  seal: true,
}

/** Fills in defaults. Throws one `TIDINGS_INVALID_OPTION` that names every mistake. */
export function busSettings(options: EventBusOptions): BusSettings {
  const mistakes = new Mistakes()
  mistakes.refuseUnknown(options, optionNames)
  mistakes.refuseUnknown(options.publish, publishNames, 'publish.')
  const whole = (field: string, value: number | undefined, fallback: number, least = 1): number => {
    if (value === undefined) return fallback
    mistakes.expect(
      Number.isSafeInteger(value) && value >= least,
      `\`${field}\` to be a whole number of at least ${least}`,
      value,
    )
    return value
  }
  const time = (field: string, value: Parameters<typeof milliseconds>[0] | undefined, fallback: number): number =>
    value === undefined ? fallback : mistakes.read(() => milliseconds(value, field), fallback)
  const call = (field: string, value: unknown): void =>
    mistakes.expect(value === undefined || typeof value === 'function', `\`${field}\` to be a function`, value)

  const { publish = {}, url, store, transport, transportUrl } = options
  mistakes.expect(url === undefined || typeof url === 'string', '`url` to be text', url)
  mistakes.expect(
    transportUrl === undefined || typeof transportUrl === 'string',
    '`transportUrl` to be text',
    transportUrl,
  )
  mistakes.expect(
    url === undefined || store === undefined || (store === 'none' && isBrokerUrl(url)),
    isBrokerUrl(url)
      ? '`transportUrl` instead of `url` to name a broker beside a `store`'
      : '`url` or `store`, not both',
  )
  mistakes.expect(
    [isBrokerUrl(url), transport !== undefined, transportUrl !== undefined].filter(Boolean).length <= 1,
    'one broker: a `url`, a `transportUrl` or a `transport`',
  )
  mistakes.expect(
    url !== undefined || store !== undefined,
    "`url` to say where events are kept, such as 'sqlite:./tidings.db' or 'memory:'",
  )
  mistakes.expect(
    store === undefined || store === 'none' || (typeof store === 'object' && store !== null),
    "`store` to be a store, one to open, or 'none'",
    store,
  )
  mistakes.expect(
    options.events === undefined || (Array.isArray(options.events) && options.events.every(isDefinition)),
    '`events` to be a list of definitions',
    options.events,
  )
  if (transport !== undefined && typeof transport !== 'function') {
    mistakes.expect(
      typeof transport === 'object' && transport !== null,
      '`transport` to be a broker, options of the log transport or a function that makes one',
      transport,
    )
    if (!isBroker(transport)) readLogOptions(transport ?? {}, mistakes, 'transport.')
  }
  const bridged = isBridged(options)
  mistakes.expect(store !== 'none' || bridged, "`store` 'none' together with a broker as `transport`")
  mistakes.expect(store !== 'none' || options.route === undefined, '`route` together with a store')
  for (const field of bridged ? [] : (['group', 'relay', 'inbox', 'route', 'remember'] as const))
    mistakes.expect(options[field] === undefined, `\`${field}\` together with a broker as \`transport\``)
  for (const field of ['verifySeal', 'log'] as const) call(field, options[field])
  call('publish.seal', publish.seal)
  const { rate } = publish
  mistakes.expect(rate === undefined || rate > 0, '`publish.rate` to be more than 0 events a second', rate)

  const source = mistakes.read(() => sourceOf(options.source ?? '/app'), '/app')
  const settings: BusSettings = {
    source,
    bridge: bridged ? bridgeSettings(options, source, mistakes, options.log ?? silentLog) : undefined,
    concurrency: whole('concurrency', options.concurrency, 100),
    keep: whole('keep', options.keep, 1_000, 0),
    txHold: time('txHold', options.txHold, 1_000),
    retention:
      options.retention === 'forever'
        ? Number.POSITIVE_INFINITY
        : time('retention', options.retention, Number.POSITIVE_INFINITY),
    sagaTimeout: time('sagaTimeout', options.sagaTimeout, 3_600_000),
    sagas: options.sagas ?? true,
    maxIncomingBytes: whole('maxIncomingBytes', options.maxIncomingBytes, defaultDecodeLimits.maxBytes),
    validate: options.validate ?? true,
    batch: publish.batch === undefined ? undefined : whole('publish.batch', publish.batch, 1),
    publish: {
      maxBytes: whole('publish.maxBytes', publish.maxBytes, publishDefaults.maxBytes),
      compressAbove:
        publish.compressAbove === undefined ? undefined : whole('publish.compressAbove', publish.compressAbove, 1),
      claimAbove: publish.claimAbove === undefined ? undefined : whole('publish.claimAbove', publish.claimAbove, 1),
      payloads: options.payloads,
      seal: publish.seal,
      rate,
      rateQueue: whole('publish.rateQueue', publish.rateQueue, publishDefaults.rateQueue),
      dedupWindow: time('publish.dedupWindow', publish.dedupWindow, publishDefaults.dedupWindow),
      tries: whole('publish.tries', publish.tries, publishDefaults.tries),
      retryDelay: time('publish.retryDelay', publish.retryDelay, publishDefaults.retryDelay),
    },
  }
  mistakes.expect(typeof settings.sagas === 'boolean', '`sagas` to be true or false', options.sagas)
  mistakes.expect(settings.sagaTimeout > 0, '`sagaTimeout` to be more than 0 ms', options.sagaTimeout)
  mistakes.expect(settings.txHold > 0, '`txHold` to be more than 0 ms', options.txHold)
  mistakes.expect(
    options.payloads === undefined ||
      (typeof options.payloads?.put === 'function' && typeof options.payloads.get === 'function'),
    '`payloads` to be a payload store, with `put` and `get`',
  )
  mistakes.expect(
    publish.claimAbove === undefined || options.payloads !== undefined,
    '`payloads` to say where the data goes that `publish.claimAbove` keeps apart',
  )
  // Nobody should be able to publish here what nobody can read here.
  mistakes.expect(
    settings.publish.maxBytes <= settings.maxIncomingBytes,
    `\`publish.maxBytes\` to be at most \`maxIncomingBytes\`, which is ${settings.maxIncomingBytes}`,
    publish.maxBytes,
  )
  mistakes.throwAny('Cannot create the event bus')
  return settings
}

function sourceOf(source: string): string {
  if (isUriReference(attribute('source', source))) return source
  throw new TidingsError(
    'TIDINGS_INVALID_OPTION',
    "Expected `source` to be a URI reference such as '/auth' (CloudEvents 1.0.2, `source`).",
  )
}

function isDefinition(value: unknown): boolean {
  return typeof (value as { create?: unknown } | null | undefined)?.create === 'function'
}
