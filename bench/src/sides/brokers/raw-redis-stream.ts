import { createClient } from '@redis/client'

import type { RawBroker } from './raw-broker.ts'

const group = 'orders'

/** `@redis/client`: one stream, one XADD an event, all of a turn together; a group of one that reads up to 500 and acknowledges them in one call. */
export async function open(url: string, place: string): Promise<RawBroker> {
  const stream = `{${place}}raw`
  const client = await connected(url)
  let reader: typeof client | undefined
  let open = true
  let reading: Promise<void> = Promise.resolve()
  return {
    publish: async (key, event) => {
      await client.xAdd(stream, '*', { key, event })
    },
    async listen(handle) {
      reader = await connected(url)
      const own = reader
      await client.xGroupCreate(stream, group, '0', { MKSTREAM: true })
      reading = (async () => {
        while (open) {
          const read = (await own.xReadGroup(group, 'one', { key: stream, id: '>' }, { COUNT: 500, BLOCK: 20 })) as
            | readonly { readonly messages: readonly { readonly id: string; readonly message: { event: string } }[] }[]
            | null
          const messages = read?.[0]?.messages ?? []
          if (messages.length === 0) continue
          await handle(messages.map(({ message }) => message.event))
          await own.xAck(
            stream,
            group,
            messages.map(({ id }) => id),
          )
        }
      })()
    },
    async close() {
      open = false
      await reading
      await client.del(stream)
      for (const one of [client, reader]) one?.destroy()
    },
  }
}

async function connected(url: string): Promise<ReturnType<typeof createClient>> {
  const client = createClient({ url })
  client.on('error', () => {})
  await client.connect()
  return client as ReturnType<typeof createClient>
}
