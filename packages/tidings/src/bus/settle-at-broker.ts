import type { Bridge } from '../bridge/bridge.ts'
import { milliseconds } from '../kernel/duration.ts'
import { TidingsError } from '../kernel/errors.ts'
import type { Runtime } from '../kernel/runtime.ts'
import type { PublishOptions } from '../publisher/publish-options.ts'
import type { Receipt } from '../publisher/receipt.ts'

/**
 * Publishes, and resolves when the broker has what was published. Rejects before anything is written where there is no broker
 * (`TIDINGS_NOT_SUPPORTED`).
 */
export async function settleAtBroker<Result extends Receipt | readonly Receipt[]>(
  bridge: Bridge | undefined,
  runtime: Runtime,
  options: PublishOptions,
  publish: () => Promise<Result>,
): Promise<Result> {
  if (bridge === undefined) {
    throw new TidingsError('TIDINGS_NOT_SUPPORTED', "`settle: 'broker'` needs a broker: give the bus a `transport`.", {
      details: { field: 'settle' },
    })
  }
  const until = runtime.monotonic() + milliseconds(options.deadline ?? 30_000, 'deadline')
  const published = await publish()
  const settled = async (receipt: Receipt): Promise<Receipt> => {
    await bridge.handed(receipt, until - runtime.monotonic())
    // What the broker may forget is no more durable for being there.
    return {
      ...plain(receipt),
      durability: bridge.capabilities.durability === 'broker' ? 'broker' : receipt.durability,
    }
  }
  return (
    Array.isArray(published)
      ? await Promise.all((published as readonly Receipt[]).map(settled))
      : await settled(published as Receipt)
  ) as Result
}

function plain({ id, position, streamVersion, durability, matched, duplicateOf, failures }: Receipt): Receipt {
  return {
    id,
    position,
    streamVersion,
    durability,
    matched,
    ...(duplicateOf === undefined ? {} : { duplicateOf }),
    ...(failures === undefined ? {} : { failures }),
  }
}
