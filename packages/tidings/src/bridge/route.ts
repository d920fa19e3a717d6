import { type Event, type Priority, priorities } from '../events/event.ts'
import type { EventRecord } from '../events/record.ts'
import { typePattern } from '../events/type-pattern.ts'
import type { Log } from '../kernel/log.ts'
import type { Mistakes } from '../kernel/mistakes.ts'

/**
 * Where an event of this service goes, beside its log, which holds every event. `local`: its own subscriptions hear it, no other service does.
 * `remote`: the broker gets it, its own subscriptions pass it over. `both`: all hear it.
 */
export type Route = 'local' | 'remote' | 'both'

/** What is decided by; none of it can change later. */
export interface RoutedEvent {
  readonly id: string
  readonly type: string
  readonly version: string
  readonly category: string
  readonly key: string
  /** Empty where there is none. */
  readonly tenant: string
  readonly priority: Priority
}

/** Holds for events of which all that it names is true; one that names nothing holds for all. */
export interface RouteRule {
  /** What `explain` calls it. Default: `rule 1`, `rule 2`, by its place. */
  readonly name?: string
  /** Types or wildcards (`*` one segment, `**` the rest), of which one must match. */
  readonly type?: string | readonly string[]
  readonly category?: string | readonly string[]
  readonly priority?: Priority | readonly Priority[]
  readonly tenant?: string | readonly string[]
  readonly to: Route
}

/** Rules, of which the first that holds decides, `both` where none does; or a function that must answer the same for the same event, always. */
export type RouteOption = readonly RouteRule[] | ((event: RoutedEvent) => Route)

export interface Routed {
  readonly to: Route
  /** The name of the rule that decided; `function` for a function, `default` where no rule held. */
  readonly rule: string
}

/** Decides where events go. */
export interface Router {
  decide(event: RoutedEvent): Routed
}

const routes: readonly Route[] = ['local', 'remote', 'both']
const byDefault: Routed = Object.freeze({ to: 'both', rule: 'default' })

/** Undefined where there is nothing to decide. What is wrong is added to `mistakes`. */
export function routerOf(route: RouteOption | undefined, mistakes: Mistakes, log: Log): Router | undefined {
  if (route === undefined) return undefined
  if (typeof route === 'function') return routerOfFunction(route, log)
  mistakes.expect(Array.isArray(route), '`route` to be a list of rules or a function', route)
  if (!Array.isArray(route)) return undefined
  const rules = (route as readonly RouteRule[]).map((rule, at) => compile(rule, at, mistakes))
  return { decide: (event) => rules.find((rule) => rule.holds(event))?.routed ?? byDefault }
}

/** A function that fails must cost neither the event nor its readers. */
function routerOfFunction(decide: (event: RoutedEvent) => Route, log: Log): Router {
  let told = false
  const failed = (error: string): Routed => {
    if (!told) log('error', 'The function `route` fails; its events go both ways', { error })
    told = true
    return { to: 'both', rule: 'function (failed)' }
  }
  return {
    decide(event) {
      try {
        const to = decide(event)
        return routes.includes(to)
          ? { to, rule: 'function' }
          : failed(`It answered ${JSON.stringify(to)?.slice(0, 40)}`)
      } catch (error) {
        return failed(error instanceof Error ? error.message : 'It threw something that is no error')
      }
    },
  }
}

interface Compiled {
  readonly routed: Routed
  holds(event: RoutedEvent): boolean
}

function compile(rule: RouteRule, at: number, mistakes: Mistakes): Compiled {
  const field = `route[${at}]`
  const isObject = typeof rule === 'object' && rule !== null
  mistakes.expect(isObject, `\`${field}\` to be a rule`, rule)
  const { name = `rule ${at + 1}`, type, category, priority, tenant, to } = isObject ? rule : ({} as RouteRule)
  mistakes.expect(routes.includes(to), `\`${field}.to\` to be one of '${routes.join("', '")}'`, to)
  mistakes.expect(typeof name === 'string' && name !== '', `\`${field}.name\` to be text that is not empty`, name)
  const list = (member: string, value: string | readonly string[] | undefined): readonly string[] | undefined => {
    if (value === undefined) return undefined
    const all = typeof value === 'string' ? [value] : value
    const fine = Array.isArray(all) && all.length > 0 && all.every((one) => typeof one === 'string')
    mistakes.expect(fine, `\`${field}.${member}\` to be text, or a list of texts that is not empty`, value)
    return fine ? all : []
  }
  const types = list('type', type)?.map((pattern) =>
    mistakes.read(
      () => typePattern(pattern),
      () => false,
    ),
  )
  const among = list('priority', priority)
  mistakes.expect(
    among?.every((one) => (priorities as readonly string[]).includes(one)) !== false,
    `\`${field}.priority\` to be among '${priorities.join("', '")}'`,
    priority,
  )
  const categories = list('category', category)
  const tenants = list('tenant', tenant)
  return {
    routed: Object.freeze({ to, rule: name }),
    holds: (event) =>
      (types === undefined || types.some((matches) => matches(event.type))) &&
      (categories === undefined || categories.includes(event.category)) &&
      (among === undefined || among.includes(event.priority)) &&
      (tenants === undefined || tenants.includes(event.tenant)),
  }
}

export function routedRecord(record: EventRecord): RoutedEvent {
  const { id, type, version, category, key, tenant } = record
  return { id, type, version, category, key, tenant, priority: priorities[record.priority] ?? 'normal' }
}

export function routedEvent(event: Event<unknown>): RoutedEvent {
  const { id, type, version, category, key, priority, context } = event
  return { id, type, version, category, key, tenant: context.tenantId ?? '', priority }
}
