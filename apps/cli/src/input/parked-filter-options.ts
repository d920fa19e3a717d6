import type { Command } from 'commander'
import type { ParkedFilter } from 'tidings'

import { collect } from './parse-options.ts'

/** The options by which all commands choose among parked events. */
export function parkedFilterOptions(command: Command): Command {
  return command
    .option('--subscription <name>', 'of this subscription')
    .option('--state <state>', 'retry, dead, behind or upgrade (may be repeated)', collect)
    .option('--type <pattern>', 'of these types (may be repeated); * stands for one word, ** for the rest', collect)
    .option('--stream <name>', 'of this stream: category/key or tenant/category/key')
    .option('--tenant <id>', 'of this tenant')
    .option('--fingerprint <id>', 'whose failures look alike; see `parked list --by-failure`')
    .option('--event <id>', 'the event of this id, for every subscription that has it parked')
}

/** `ids` are the parked events named as arguments. */
export function parkedFilterFrom(options: Readonly<Record<string, unknown>>, ids: readonly string[]): ParkedFilter {
  const { subscription, state, type, stream, tenant, fingerprint, event } = options as Record<string, never>
  const filter = {
    subscription,
    state,
    type,
    stream,
    tenant,
    fingerprint,
    eventId: event,
    id: ids.length === 0 ? undefined : ids,
  }
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined))
}
