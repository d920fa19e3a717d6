import type { EventBus } from '../bus/event-bus.ts'

export interface RunServiceOptions {
  /** How long draining may take, in milliseconds. Default 10,000. */
  readonly deadline?: number
  /** Closed before the bus, so that nothing new comes in while it drains: HTTP servers and the like. */
  readonly before?: () => void | Promise<void>
  /** Closed after the bus: pools and the like. */
  readonly after?: () => void | Promise<void>
}

/**
 * Starts the bus and ends it with the process: the first SIGTERM or SIGINT drains and exits with 0, a second one exits at once with
 * 1. Resolves when the bus has started. The only function of the library that touches the process.
 */
export async function runService(
  bus: Pick<EventBus, 'start' | 'close'>,
  options: RunServiceOptions = {},
): Promise<void> {
  let stopping = false
  const stop = (): void => {
    if (stopping) process.exit(1)
    stopping = true
    end(bus, options).then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  await bus.start()
}

async function end(
  bus: Pick<EventBus, 'close'>,
  { deadline = 10_000, before, after }: RunServiceOptions,
): Promise<void> {
  await before?.()
  await bus.close({ deadline })
  await after?.()
}
