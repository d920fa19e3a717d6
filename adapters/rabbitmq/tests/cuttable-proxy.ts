import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A way to a server that can be cut, as the death of a process cuts it. */
export interface CuttableProxy {
  readonly port: number
  /** Ends every connection, and takes no other. */
  cut(): void
  /** Ends every connection; others may come. */
  shake(): void
  close(): Promise<void>
}

export async function cuttableProxy(host: string, port: number): Promise<CuttableProxy> {
  const sockets = new Set<Socket>()
  const keep = (socket: Socket): Socket => {
    sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    return socket
  }
  const server = createServer((client) => {
    const upstream = keep(connect(port, host))
    keep(client).pipe(upstream).pipe(client)
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const shake = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  const cut = (): void => {
    server.close()
    shake()
  }
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    shake,
    close: async () => cut(),
  }
}
