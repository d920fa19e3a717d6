import type { Bridge } from '../bridge/bridge.ts'
import type { EventDefinition, EventDraft } from '../events/define-event.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { Lifecycle } from '../kernel/lifecycle.ts'
import { noDraft } from '../prepare/prepare.ts'
import { refuseIdsOfOne } from '../publisher/ids-of-batch.ts'
import { checkPublishOptions, type PublishOptions } from '../publisher/publish-options.ts'
import type { Receipt } from '../publisher/receipt.ts'
import { dueOf, type ScheduleHost, schedule } from '../publisher/timers/schedule.ts'
import type { EventBus } from './event-bus.ts'
import { settleAtBroker } from './settle-at-broker.ts'

export interface PublishingHost extends ScheduleHost {
  readonly life: Lifecycle
  readonly bridge: Bridge | undefined
  /** Why nothing can be kept for later here; undefined: it can. */
  readonly notLater: string | undefined
}

/** `publish` in its three forms: now, when the broker has it, or later. */
export function publishing(host: PublishingHost): EventBus['publish'] {
  const { life, publisher } = host
  const single = async (draft: EventDraft, options: PublishOptions): Promise<Receipt> => {
    refuseIdsOfOne(options)
    return firstOf(await otherwise(host, [draft], options, () => publisher.publish(draft, options)))
  }
  const one = (draft: EventDraft, options: PublishOptions | undefined): Promise<Receipt> =>
    isPlain(options) ? publisher.publish(draft, options) : single(draft, options)
  const all = (drafts: readonly EventDraft[], options: PublishOptions | undefined): Promise<readonly Receipt[]> =>
    isPlain(options)
      ? publisher.publishAll(drafts, options)
      : otherwise(host, drafts, options, () => publisher.publishAll(drafts, options))

  return ((first: EventDefinition | EventDraft | readonly EventDraft[], second?: unknown, third?: PublishOptions) => {
    if (isClosing(life)) return Promise.reject(closed())
    if (typeof first !== 'object' || first === null) return Promise.reject(noDraft())
    if (Array.isArray(first)) return all(first as readonly EventDraft[], second as PublishOptions | undefined)
    if ('definition' in first) return one(first, second as PublishOptions | undefined)
    if (typeof (first as EventDefinition).create !== 'function') return Promise.reject(noDraft())
    return one((first as EventDefinition).create(second), third)
  }) as EventBus['publish']
}

/** Whether the bus takes nothing new any more. */
export function isClosing({ phase }: Lifecycle): boolean {
  return phase === 'draining' || phase === 'closed'
}

export function closed(): TidingsError {
  return new TidingsError('TIDINGS_CLOSED', 'The event bus is closed.')
}

/** Whether it is published now and settles with the store, as nearly all are. */
function isPlain(options: PublishOptions | undefined): options is undefined {
  return (
    options === undefined ||
    options === null ||
    (options.settle === undefined && options.delay === undefined && options.at === undefined)
  )
}

async function otherwise(
  host: PublishingHost,
  drafts: readonly EventDraft[],
  options: PublishOptions,
  publish: () => Promise<Receipt | readonly Receipt[]>,
): Promise<readonly Receipt[]> {
  checkPublishOptions(options)
  const due = dueOf(options, host.runtime.now())
  if (due !== undefined) {
    if (host.notLater !== undefined)
      throw new TidingsError('TIDINGS_NOT_SUPPORTED', host.notLater, { details: { field: 'delay' } })
    return schedule(host, drafts, options, due)
  }
  const published =
    options.settle === 'broker' ? await settleAtBroker(host.bridge, host.runtime, options, publish) : await publish()
  return Array.isArray(published) ? (published as readonly Receipt[]) : [published as Receipt]
}

function firstOf(receipts: readonly Receipt[]): Receipt {
  return receipts[0] as Receipt
}
