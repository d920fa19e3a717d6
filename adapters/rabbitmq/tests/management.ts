/** A message as the management API shows it. */
export interface ShownMessage {
  readonly payload: string
  readonly routing_key: string
  readonly exchange: string
  readonly properties: {
    readonly content_type?: string
    readonly delivery_mode?: number
    readonly message_id?: string
    readonly type?: string
    readonly headers?: Readonly<Record<string, unknown>>
  }
}

/** What operators do over HTTP. */
export interface Management {
  /** Looks at the first messages of a queue; they stay. */
  look(queue: string, count: number): Promise<readonly ShownMessage[]>
  /** Applies a policy to all queues whose name matches. */
  setPolicy(name: string, pattern: string, definition: Readonly<Record<string, unknown>>): Promise<void>
  /** Source and routing key of what is bound to an exchange. */
  boundTo(exchange: string): Promise<readonly string[]>
}

export function managementAt(port: number, user = 'tidings', password = 'tidings'): Management {
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/${path}`, {
      method,
      headers: { authorization, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    if (!answer.ok) throw new Error(`${method} ${path} was answered ${answer.status}`)
    const text = await answer.text()
    return text === '' ? undefined : (JSON.parse(text) as unknown)
  }
  return {
    look: (queue, count) =>
      call('POST', `queues/%2F/${encodeURIComponent(queue)}/get`, {
        count,
        ackmode: 'ack_requeue_true',
        encoding: 'auto',
      }) as Promise<readonly ShownMessage[]>,
    async setPolicy(name, pattern, definition) {
      await call('PUT', `policies/%2F/${name}`, { pattern, definition, 'apply-to': 'queues' })
    },
    async boundTo(exchange) {
      const found = await call('GET', `exchanges/%2F/${encodeURIComponent(exchange)}/bindings/destination`)
      return (found as { source: string; routing_key: string }[]).map(({ routing_key }) => routing_key).sort()
    },
  }
}
