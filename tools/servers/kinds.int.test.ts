import { describe, expect, it } from 'vitest'
import { canStartOwn, proxied, serverUrl, startOwn, without } from './index.ts'
import { kinds } from './kinds/all.ts'
import { metadataRequest } from './kinds/kafka.ts'
import { isFree } from './ports.ts'
import { ask } from './probes.ts'
import { serverNames, titles } from './server-names.ts'

for (const name of serverNames) await canStartOwn(name)
await serverUrl('toxiproxy')

for (const name of serverNames) {
  describe(`${titles[name]} of one’s own`, without(name), () => {
    it('serves, comes back from SIGKILL at the same address, and leaves nothing running', async () => {
      const server = await startOwn(name)
      const ready = (): Promise<boolean> => kinds[name].ready(server)
      expect(await ready()).toBe(true)
      await server.kill()
      expect(await ready()).toBe(false)
      await server.start()
      expect(await ready()).toBe(true)
      await server.stop()
      for (const port of Object.values(server.ports)) expect(await isFree(port)).toBe(true)
    })
  })
}

describe('Kafka behind a proxy', without('kafka', 'toxiproxy'), () => {
  it('names the proxy to its clients, who would go around it otherwise', async () => {
    await using server = await startOwn('kafka')
    await using proxy = await proxied(server.url)
    expect(proxy.url).toBe(`127.0.0.1:${server.ports['proxy']}`)
    const direct = await dialled(server.ports['main'] as number)
    const behind = await dialled(server.ports['proxy'] as number)
    expect([direct, behind]).toEqual([server.ports['main'], server.ports['proxy']])
  })
})

/** The port that the one broker tells its clients to dial. */
async function dialled(port: number): Promise<number | undefined> {
  const answer = await ask(port, metadataRequest(), (said) => said.length > 30)
  if (!answer) return undefined
  // Size, correlation, throttle time, count, then the broker: id, length of its host, host, port.
  const host = answer.readInt16BE(20)
  return answer.readInt32BE(22 + host)
}
