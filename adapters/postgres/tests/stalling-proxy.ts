import { createServer, connect as dial, type Socket } from 'node:net'

/** An address that leads to a server until somebody says a certain word. */
export interface StallingProxy {
  readonly url: string
  /** Whether the word was said: from there on nothing of that connection has reached the server, which still sees it open. */
  stalled(): boolean
  close(): Promise<void>
}

/** What the server sees of a process that stops, or of a network that breaks, in the middle of what it was sending. */
export async function stallingProxy(server: string, word: string): Promise<StallingProxy> {
  const target = new URL(server)
  const sockets = new Set<Socket>()
  let stalled = false
  const keep = (socket: Socket): Socket => {
    sockets.add(socket.on('error', () => {}))
    return socket
  }
  const listener = createServer((client) => {
    const upstream = keep(dial(Number(target.port), target.hostname))
    let stands = false
    keep(client).on('data', (data) => {
      if (stands) return
      const at = data.indexOf(word)
      stands = at >= 0
      stalled ||= stands
      upstream.write(stands ? data.subarray(0, at) : data)
    })
    client.on('close', () => void (stands || upstream.destroy()))
    upstream.on('data', (data) => client.write(data)).on('close', () => client.destroy())
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const { port } = listener.address() as { readonly port: number }
  return {
    url: Object.assign(new URL(server), { hostname: '127.0.0.1', port: String(port) }).href,
    stalled: () => stalled,
    close: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => void listener.close(() => resolve()))
    },
  }
}
