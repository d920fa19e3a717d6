import type { AddressInfo } from 'node:net'

import type { BusConfig } from 'tidings'
import { runService } from 'tidings/node'

import { type OpenServicesOptions, openServices, type ServiceHost } from './open-services.ts'
import { pinoLog } from './pino-log.ts'
import type { Service } from './service.ts'
import type { BaseConfig } from './service-config.ts'

export interface RunServicesOptions extends Omit<OpenServicesOptions, keyof BusConfig | 'log'> {
  readonly config: BaseConfig
  /** Called before the server listens: for routes that belong to the process rather than to a service. */
  readonly prepare?: (host: ServiceHost) => void | Promise<void>
  /** Called at the very end. */
  readonly after?: () => void | Promise<void>
  /** How long draining may take, in milliseconds. Default 10,000. */
  readonly deadline?: number
}

export interface RunningServices {
  readonly host: ServiceHost
  /** Where it listens, such as `http://127.0.0.1:4000`. */
  readonly address: string
}

/**
 * Runs services as this process, until SIGTERM or SIGINT drains it. Resolves when requests are answered and events delivered; rejects
 * when that cannot be, and leaves nothing open.
 */
export async function runServices(services: readonly Service[], options: RunServicesOptions): Promise<RunningServices> {
  const { config, prepare, after, deadline = 10_000, ...rest } = options
  const lines = pinoLog({ level: config.LOG_LEVEL })
  const host = await openServices(services, {
    ...rest,
    ...config.bus,
    log: (service) => lines.with({ service }),
  })
  try {
    await prepare?.(host)
    // Listening comes last, so that whoever is answered is answered by services that hear events.
    await runService(host, { deadline, after: async () => (await after?.(), lines.flush()) })
    await host.app.listen({ host: config.HOST, port: config.PORT })
  } catch (error) {
    await host.close({ deadline: 1_000 }).catch(() => {})
    await after?.()
    throw error
  }
  const { port } = host.app.server.address() as AddressInfo
  const name = config.HOST.includes(':') ? `[${config.HOST}]` : config.HOST
  return { host, address: `http://${name}:${port}` }
}
