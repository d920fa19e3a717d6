import { canStartOwn, proxied, serverUrl, startOwn } from '../../../tools/servers/index.ts'
import { describeOrdeal } from '../ordeal.ts'
import { Tally } from '../tally.ts'

const kinds = {
  postgres: { settings: {}, query: '' },
  redis: { settings: { appendfsync: 'always' }, query: '?durability=always' },
} as const

/** Three instances share one store, which is all that joins them to the publisher, and its server is what breaks. */
export async function describeStoreChaos(kind: keyof typeof kinds): Promise<void> {
  await serverUrl('toxiproxy')
  await canStartOwn(kind)
  const { settings, query } = kinds[kind]
  describeOrdeal({
    name: `${kind} as store`,
    title: `${kind} as store and transport: three instances on one store whose server breaks`,
    needs: ['toxiproxy', kind],
    recovers: true,
    lease: 7_000,
    async set() {
      const server = await startOwn(kind, settings)
      const proxy = await proxied(server.url)
      const tally = await Tally.open(server.url + query)
      return {
        server,
        proxy,
        tally,
        seller: [server.url + query],
        instance: [proxy.url + query],
        async end() {
          await tally.close()
          await proxy.close()
          await server.stop()
        },
      }
    },
  })
}
