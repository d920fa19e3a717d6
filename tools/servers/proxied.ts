import { randomBytes } from 'node:crypto'
import { allInstances } from './instance.ts'
import { releasePorts, takePort } from './ports.ts'
import { serverUrl } from './server-url.ts'

/** An address that leads to a server through Toxiproxy, where connections can be made to fail. */
export interface Proxied {
  /** As the address given, with the proxy's port. */
  readonly url: string
  /** Closes all connections and refuses new ones. */
  down(): Promise<void>
  /** Takes everything back: connections are accepted and pass at full speed. */
  up(): Promise<void>
  /** Each direction takes so many milliseconds longer, for connections that are open, too. */
  latency(ms: number): Promise<void>
  /**
   * Closes the connections that are open. Until `up`, new ones are accepted and reset (TCP RST) at their first bytes: a
   * load balancer whose server is gone. To break connections once, `down` and `up`.
   */
  reset(): Promise<void>
  /** Connections stay open and nothing passes in either direction, until `up`: what a vanished peer looks like. */
  halfOpen(): Promise<void>
  /** Removes the proxy. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

interface Toxic {
  readonly name: string
  readonly type: string
  readonly stream: 'upstream' | 'downstream'
  readonly attributes: Readonly<Record<string, number>>
}

/**
 * Puts a proxy of one's own before a server of this machine. Throws where there is no Toxiproxy: skip such suites by
 * `serverUrl('toxiproxy')` and `without('toxiproxy')`. A Kafka broker can have one proxy at a time, because it must
 * know the port that its clients dial; take a broker of your own for that.
 */
export async function proxied(url: string): Promise<Proxied> {
  const toxiproxy = await serverUrl('toxiproxy')
  if (toxiproxy === undefined) throw new Error('There is no Toxiproxy.')
  const target = hostAndPort(url)
  const kafka = allInstances().find(({ kind, ports }) => kind === 'kafka' && ports['main'] === target.port)
  const id = kafka ? `kafka-${kafka.id}` : `proxy-${randomBytes(4).toString('hex')}`
  const port = kafka ? (kafka.ports['proxy'] as number) : await takePort(id)
  const upstream = kafka ? `127.0.0.1:${kafka.ports['behindProxy']}` : `${target.host}:${target.port}`
  const call = async (method: string, path: string, body?: unknown): Promise<void> => {
    const response = await fetch(new URL(path, toxiproxy), {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const said = await response.text()
    if (!response.ok) throw new Error(`Toxiproxy refuses ${method} ${path} with ${response.status}: ${said.trim()}`)
  }
  let toxics: string[] = []
  const add = async (toxic: Toxic): Promise<void> => {
    await call('POST', `/proxies/${id}/toxics`, toxic)
    toxics.push(toxic.name)
  }
  const clear = async (): Promise<void> => {
    for (const name of toxics) await call('DELETE', `/proxies/${id}/toxics/${name}`)
    toxics = []
  }
  const bothWays = async (name: string, type: string, attributes: Toxic['attributes']): Promise<void> => {
    await clear()
    for (const stream of ['upstream', 'downstream'] as const)
      await add({ name: `${name}-${stream}`, type, stream, attributes })
  }
  let closed: Promise<void> | undefined
  const close = (): Promise<void> => {
    closed ??= call('DELETE', `/proxies/${id}`).finally(() => releasePorts(id))
    return closed
  }
  await call('POST', '/proxies', { name: id, listen: `127.0.0.1:${port}`, upstream, enabled: true })
  return {
    url: url.replace(target.text, `127.0.0.1:${port}`),
    down: () => call('POST', `/proxies/${id}`, { enabled: false }),
    up: async () => {
      await clear()
      await call('POST', `/proxies/${id}`, { enabled: true })
    },
    latency: (ms) => bothWays('latency', 'latency', { latency: ms }),
    reset: async () => {
      await bothWays('reset', 'reset_peer', { timeout: 0 })
      await call('POST', `/proxies/${id}`, { enabled: false })
      await call('POST', `/proxies/${id}`, { enabled: true })
    },
    // Without a time it holds data back for good.
    halfOpen: () => bothWays('silence', 'timeout', { timeout: 0 }),
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Out of `redis://user:secret@127.0.0.1:6379/0` as well as out of `127.0.0.1:9092`. */
export function hostAndPort(url: string): { host: string; port: number; text: string } {
  const found = /^(?:[\w+.-]+:\/\/)?(?:[^@/]*@)?(([^:/@,]+):(\d+))(?:[/?]|$)/.exec(url)
  if (!found) throw new Error('A proxy needs the address of one server, with its port.')
  const [, text, host, port] = found as unknown as [string, string, string, string]
  return { host, port: Number(port), text }
}
