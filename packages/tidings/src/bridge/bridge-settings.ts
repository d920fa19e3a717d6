import { type Duration, milliseconds } from '../kernel/duration.ts'
import type { Log } from '../kernel/log.ts'
import type { Mistakes } from '../kernel/mistakes.ts'
import type { InboxOptions, RelayOptions } from './bridge-options.ts'
import { type RouteOption, type Router, routerOf } from './route.ts'

/** The options with every default filled in, times in milliseconds. */
export interface RelaySettings {
  readonly from: 'head' | 'beginning'
  readonly concurrency: number
  readonly batch: number
  readonly flights: number
  readonly patience: number
  readonly onPoison: 'park' | 'skip' | 'halt'
}

export interface InboxSettings {
  readonly group: string
  readonly from: 'head' | 'beginning'
  readonly window: number
  readonly batch: number
}

export interface BridgeSettings {
  readonly relay: RelaySettings
  readonly inbox: InboxSettings
  readonly router: Router | undefined
  /** How long received events stay at least, in milliseconds; Infinity: for good. */
  readonly remember: number
}

export interface BridgeOptions {
  readonly group?: string
  readonly relay?: RelayOptions
  readonly inbox?: InboxOptions
  readonly route?: RouteOption
  readonly remember?: Duration | 'forever'
}

const relayNames: Readonly<Record<keyof RelayOptions, true>> = {
  from: true,
  concurrency: true,
  batch: true,
  flights: true,
  patience: true,
  onPoison: true,
}

const inboxNames: Readonly<Record<keyof InboxOptions, true>> = { from: true, window: true, batch: true }

const groupName = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,119}$/

/** What is wrong is added to `mistakes`. */
export function bridgeSettings(options: BridgeOptions, source: string, mistakes: Mistakes, log: Log): BridgeSettings {
  const relay = objectOf('relay', options.relay, mistakes)
  const inbox = objectOf('inbox', options.inbox, mistakes)
  mistakes.refuseUnknown(relay, relayNames, 'relay.')
  mistakes.refuseUnknown(inbox, inboxNames, 'inbox.')
  const whole = (field: string, value: unknown, fallback: number): number => {
    if (value === undefined) return fallback
    mistakes.expect(
      Number.isSafeInteger(value) && (value as number) >= 1,
      `\`${field}\` to be a whole number of at least 1`,
      value,
    )
    return value as number
  }
  const choice = <Value extends string>(
    field: string,
    value: Value | undefined,
    choices: readonly [Value, ...Value[]],
  ): Value => {
    if (value === undefined) return choices[0]
    mistakes.expect(choices.includes(value), `\`${field}\` to be one of '${choices.join("', '")}'`, value)
    return value
  }
  const time = (field: string, value: Duration | undefined, fallback: Duration): number =>
    mistakes.read(() => milliseconds(value ?? fallback, field), 0)

  const patience = time('relay.patience', relay.patience, '30s')
  mistakes.expect(patience >= 100, '`relay.patience` to be at least 100 ms', relay.patience)
  const group = options.group ?? groupOf(source)
  mistakes.expect(
    typeof group === 'string' && groupName.test(group),
    options.group === undefined
      ? '`group` to be given, since none can be made of `source`'
      : '`group` to be 1 to 120 letters, digits, `_`, `.` or `-`',
    group,
  )
  return {
    relay: {
      from: choice('relay.from', relay.from, ['head', 'beginning']),
      concurrency: whole('relay.concurrency', relay.concurrency, 1_000),
      batch: whole('relay.batch', relay.batch, 500),
      flights: whole('relay.flights', relay.flights, 4),
      patience,
      onPoison: choice('relay.onPoison', relay.onPoison, ['park', 'skip', 'halt']),
    },
    inbox: {
      group,
      from: choice('inbox.from', inbox.from, ['head', 'beginning']),
      window: whole('inbox.window', inbox.window, 1_000),
      batch: whole('inbox.batch', inbox.batch, 500),
    },
    router: routerOf(options.route, mistakes, log),
    remember: options.remember === 'forever' ? Number.POSITIVE_INFINITY : time('remember', options.remember, '7d'),
  }
}

/** `/auth` → `auth`, `https://example.com/auth` → `example.com-auth`. */
export function groupOf(source: string): string {
  return source
    .replace(/^[A-Za-z][A-Za-z0-9+.-]*:/, '')
    .replace(/[^A-Za-z0-9_.-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+|-+$/g, '')
    .slice(0, 120)
}

function objectOf<Options extends object>(
  field: string,
  value: Options | undefined,
  mistakes: Mistakes,
): Partial<Options> {
  if (value === undefined) return {}
  const fine = typeof value === 'object' && value !== null
  mistakes.expect(fine, `\`${field}\` to be an object`, value)
  return fine ? value : {}
}
