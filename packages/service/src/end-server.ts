import { Socket } from 'node:net'

import type { FastifyInstance } from 'fastify'

/** How often connections that have come to rest are looked for while the server ends, in milliseconds. */
const looksEvery = 50

/**
 * Follows the connections of a server, and answers how to end it: nothing new comes in, what is being answered is answered, connections at rest
 * are closed; after the deadline, in milliseconds, all are. Call it before the routes are added.
 */
export function endingOf(app: FastifyInstance): (deadline: number) => Promise<void> {
  const { server } = app
  /** With how many requests are being answered on each. */
  const connections = new Map<Socket, number>()
  let ending = false

  const follow = (socket: Socket): void => {
    if (connections.has(socket)) return
    connections.set(socket, 0)
    socket.once('close', () => connections.delete(socket))
  }
  server.on('connection', follow)
  app.addHook('onRequest', (request, reply, done) => {
    const { socket } = request.raw
    // Requests that are injected come over none.
    if (!(socket instanceof Socket)) return done()
    // A server at a further address, as `localhost` may have one, tells of its connections by their requests alone.
    follow(socket)
    connections.set(socket, (connections.get(socket) ?? 0) + 1)
    reply.raw.once('close', () => {
      const others = connections.get(socket)
      if (others !== undefined) connections.set(socket, others - 1)
    })
    done()
  })
  app.addHook('onSend', (_request, reply, _payload, done) => {
    // So that the client does not use the connection for its next request.
    if (ending) void reply.header('connection', 'close')
    done()
  })

  // Node closes connections that rest when the server closes, but not those that come to rest afterwards, nor those that never asked.
  const closeResting = (): void => {
    for (const [socket, answering] of connections) if (answering === 0) socket.destroySoon()
  }
  return async (deadline) => {
    ending = true
    const looking = setInterval(closeResting, looksEvery)
    const late = setTimeout(() => {
      for (const socket of connections.keys()) socket.destroy()
      server.closeAllConnections()
    }, deadline)
    try {
      await app.close()
    } finally {
      clearInterval(looking)
      clearTimeout(late)
    }
  }
}
