import { randomUUID } from 'node:crypto'

import type { ReceivedMail } from './mail-sink.ts'

/** Where the services answer; in one process, all at the same address. */
export type Addresses = Readonly<Record<'auth' | 'users' | 'notifications' | 'commerce' | 'audit', string>>

export interface Answer<Body = Record<string, unknown>> {
  readonly status: number
  readonly body: Body
  readonly text: string
  readonly headers: Headers
}

interface Asking {
  readonly body?: object
  readonly token?: string
  readonly correlation?: string
}

export const password = 'analytical engine'

export type FlowClient = ReturnType<typeof flowClient>

/** What a person, and whoever operates, can ask of a platform. Addresses are asked for each time, for a service that was killed comes back elsewhere. */
export function flowClient(addresses: () => Addresses, mails: readonly ReceivedMail[]) {
  const ask = async <Body = Record<string, unknown>>(
    method: string,
    path: string,
    { body, token, correlation }: Asking = {},
  ): Promise<Answer<Body>> => {
    const service = (/^\/(\w+)/.exec(path)?.[1] ?? 'auth') as keyof Addresses
    const response = await fetch(addresses()[service] + path, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(correlation === undefined ? {} : { 'x-correlation-id': correlation }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json') === true
    return { status: response.status, headers: response.headers, text, body: (isJson ? JSON.parse(text) : {}) as Body }
  }
  const emailOf = (username: string): string => `${username}@example.com`
  const login = (username: string, given = password) =>
    ask<{ token: string; userId: string }>('POST', '/auth/login', {
      body: { email: emailOf(username), password: given },
    })
  return {
    ask,
    login,
    async register(username: string, correlation?: string): Promise<string> {
      const answer = await ask<{ userId: string }>('POST', '/auth/register', {
        body: { email: emailOf(username), username, password },
        ...(correlation === undefined ? {} : { correlation }),
      })
      if (answer.status !== 201) throw new Error(`Registering was answered with ${answer.status}: ${answer.text}`)
      return answer.body.userId
    },
    async tokenOf(username: string, given = password): Promise<string> {
      const answer = await login(username, given)
      if (answer.status !== 200) throw new Error(`The login was answered with ${answer.status}: ${answer.text}`)
      return answer.body.token
    },
    /** Offers a product of that name and orders one of it; answers the order. */
    async order(sku: string, customerId: string): Promise<string> {
      const orderId = randomUUID()
      await ask('POST', '/commerce/products', { body: { sku, name: sku, price: 100 } })
      await ask('POST', `/commerce/products/${sku}/deliveries`, { body: { deliveryId: randomUUID(), quantity: 1 } })
      const answer = await ask('POST', '/commerce/orders', {
        body: { orderId, customerId, lines: [{ sku, quantity: 1 }] },
      })
      if (answer.status !== 202) throw new Error(`The order was answered with ${answer.status}: ${answer.text}`)
      return orderId
    },
    progress: async (userId: string): Promise<unknown> =>
      (await ask<{ status?: string }>('GET', `/auth/registrations/${userId}`)).body.status,
    deletion: (deletionId: string) =>
      ask<{ status: string; farewell: string | null; asked: number; erased: { service: string; rows: object }[] }>(
        'GET',
        `/auth/deletions/${deletionId}`,
      ),
    types: async (correlation: string): Promise<string[]> =>
      (
        await ask<{ entries: { type: string }[] }>('GET', `/audit?correlationId=${correlation}&limit=500`)
      ).body.entries.map(({ type }) => type),
    /** Subjects of the mails to somebody, each Message-ID once: a mail that had to be sent twice is one. */
    subjects(username: string): string[] {
      const mine = mails.filter(({ to }) => to.includes(emailOf(username)))
      return [...new Map(mine.map(({ messageId, subject }) => [messageId, subject])).values()]
    },
    /** What stands alone on an indented line of the latest mail of this subject: a code, or a link. */
    secretFor(username: string, subject: string): string | undefined {
      const mail = mails.findLast((one) => one.to.includes(emailOf(username)) && one.subject === subject)
      return mail === undefined ? undefined : /^ {4}(\S+)$/m.exec(mail.text)?.[1]
    },
  }
}
