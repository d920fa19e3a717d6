import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Proxied, proxied, serverUrl, without } from './index.ts'

await serverUrl('toxiproxy')

describe('a server behind a proxy', without('toxiproxy'), () => {
  let echo: Server
  let proxy: Proxied
  const open = new Set<Socket>()

  beforeAll(async () => {
    echo = createServer((socket) => socket.on('error', () => {}).pipe(socket))
    await once(echo.listen(0, '127.0.0.1'), 'listening')
  })
  afterAll(() => void echo.close())
  beforeEach(async () => {
    const { port } = echo.address() as { port: number }
    proxy = await proxied(`redis://user:p%40ss@127.0.0.1:${port}/3`)
  })
  afterEach(async () => {
    for (const socket of open) socket.destroy()
    open.clear()
    await proxy.close()
  })

  /** A connection, once it is seen to pass in both directions; and what became of it. */
  async function talk(): Promise<{ socket: Socket; heard: () => string; end: () => string | undefined }> {
    const socket = connect(Number(new URL(proxy.url).port), '127.0.0.1')
    let heard = ''
    let end: string | undefined
    open.add(socket)
    socket.on('data', (part) => (heard += part.toString()))
    socket.on('error', (error) => (end = (error as NodeJS.ErrnoException).code))
    socket.on('close', () => (end ??= 'closed'))
    await once(socket, 'connect')
    socket.write('hello')
    await expect.poll(() => heard).toBe('hello')
    return { socket, heard: () => heard, end: () => end }
  }

  it('keeps everything of its address but host and port', () => {
    expect(proxy.url).toMatch(/^redis:\/\/user:p%40ss@127\.0\.0\.1:\d+\/3$/)
    expect(Number(new URL(proxy.url).port)).toBeLessThan(32_768)
  })

  // #region down
  it('is gone while the proxy is down, and back at the same address', async () => {
    const { end } = await talk()
    await proxy.down()
    await expect.poll(end).toBeDefined()
    await expect(talk()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await proxy.up()
    await talk()
  })
  // #endregion down

  it('resets whoever connects, until it is up again', async () => {
    const { end } = await talk()
    await proxy.reset()
    await expect.poll(end).toBeDefined()
    const socket = connect(Number(new URL(proxy.url).port), '127.0.0.1')
    open.add(socket)
    socket.write('hello')
    await expect(once(socket, 'close')).rejects.toMatchObject({ code: 'ECONNRESET' })
    await proxy.up()
    await talk()
  })

  it('answers later', async () => {
    const { socket, heard } = await talk()
    await proxy.latency(300)
    const began = performance.now()
    socket.write('!')
    await expect.poll(heard).toBe('hello!')
    expect(performance.now() - began).toBeGreaterThan(550)
    await proxy.up()
  })

  it('keeps a half open connection and says nothing, then goes on', async () => {
    const { socket, heard, end } = await talk()
    await proxy.halfOpen()
    socket.write('lost?')
    // What a second connection does in the meantime shows that the first one could have answered.
    await using other = await proxied(
      proxy.url.replace(/\d+(?=\/3$)/, String((echo.address() as { port: number }).port)),
    )
    const witness = connect(Number(new URL(other.url).port), '127.0.0.1')
    witness.on('error', () => {})
    open.add(witness)
    witness.write('here')
    await once(witness, 'data')
    expect([heard(), end()]).toEqual(['hello', undefined])
    await proxy.up()
    await talk()
  })
})
