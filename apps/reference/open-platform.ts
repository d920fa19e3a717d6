import type { AddressInfo } from 'node:net'

import { openServices, type Service, type ServiceHost } from '@tidings/service'
import { audit } from '@tidings-services/audit'
import { type AuthOptions, authWith } from '@tidings-services/auth'
import { commerce } from '@tidings-services/commerce'
import { notifications } from '@tidings-services/notifications'
import { users } from '@tidings-services/users'

import type { Addresses } from './flow-client.ts'

export interface OpenPlatformOptions {
  /** Of the store. */
  readonly url: string
  /** Where mails go. */
  readonly smtp: string
  /** Services that are there; the others are down. Default: all. */
  readonly services?: readonly ('users' | 'notifications' | 'commerce' | 'audit')[]
  readonly patience?: Partial<AuthOptions>
  readonly now?: () => number
}

export interface OpenPlatform {
  readonly host: ServiceHost
  readonly addresses: Addresses
}

/** Services in this process, for tests that want some of them to be down, and little patience. */
export async function openPlatform(options: OpenPlatformOptions): Promise<OpenPlatform> {
  const { url, smtp, services = ['users', 'notifications', 'commerce', 'audit'], patience = {}, now } = options
  const known: Record<string, Service> = {
    users,
    notifications: notifications({ url: smtp, from: 'Test <test@example.com>' }),
    commerce,
    audit,
  }
  const host = await openServices([authWith(patience), ...services.map((name) => known[name] as Service)], {
    url,
    ...(now === undefined ? {} : { now }),
  })
  await host.start()
  await host.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = host.app.server.address() as AddressInfo
  const address = `http://127.0.0.1:${port}`
  return {
    host,
    addresses: { auth: address, users: address, notifications: address, commerce: address, audit: address },
  }
}
